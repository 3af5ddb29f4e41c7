"""Functions of the server that see a text of a client, found by a made-up word (`MARK`) in the header fields, URLs and
bodies of requests."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import product
from types import FrameType

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestClient

from tests.unit.linear.expressions import ROOT
from tests.unit.linear.parsers import PARSERS

MARK = "zmarkz"
TEXT = f"text/{MARK}"
FIELDS = (
    *("Upload-Metadata", "Upload-Concat", "Upload-Checksum", "Upload-Length", "Upload-Offset", "Upload-Defer-Length"),
    *("Upload-Complete", "Upload-Draft-Interop-Version", "Tus-Resumable", "Content-Digest", "Repr-Digest"),
    *("Want-Repr-Digest", "Content-Type", "Content-Disposition", "Content-Encoding", "Content-Location"),
    *("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Prefix"),
    *("X-Forwarded-Port", "X-Request-ID", "X-HTTP-Method-Override", "Host", "Origin", "Sec-Fetch-Site", "User-Agent"),
    *("If-Match", "If-None-Match", "If-Range", "If-Modified-Since", "If-Unmodified-Since", "Range", "Prefer"),
    *("Access-Control-Request-Headers", "Access-Control-Request-Method", "Accept", "Cookie", "Authorization"),
    "Accept-Encoding",
)
PLACES = (f"/{MARK}", f"/files/{MARK}", f"/files/read/{MARK}", f"/files/?{MARK}={MARK}", f"/files/s3/{MARK}?key={MARK}")
PROTOCOLS: Sequence[Mapping[str, str]] = (
    {"Tus-Resumable": "1.0.0", "Upload-Length": "5"},
    {"Upload-Draft-Interop-Version": "8", "Upload-Complete": "?1", "Content-Type": TEXT},
    {},
)

Client = TestClient[web.Request, web.Application]


@contextmanager
def watching(text: str = MARK) -> Iterator[set[str]]:
    """Yield a set that gets the path and name of each function of the server that returns, in this thread, with `text`
    in a variable or its result."""
    functions: set[str] = set()

    def look(frame: FrameType, event: str, result: object) -> None:
        code = frame.f_code
        relevant = event == "return" and code.co_filename.startswith(f"{ROOT}/")
        if relevant and any(_holds(value, text) for value in (result, *frame.f_locals.values())):
            functions.add(f"{code.co_filename[len(str(ROOT)) + 1 :]} {code.co_qualname}")

    before = sys.getprofile()
    sys.setprofile(look)
    try:
        yield functions
    finally:
        sys.setprofile(before)


def _holds(value: object, text: str) -> bool:
    return text in value if isinstance(value, str) else isinstance(value, bytes) and text.encode() in value


def parse_all() -> None:
    for parser in PARSERS.values():
        for text in (MARK, TEXT):
            with suppress(Exception):
                parser.use(text)


async def ask_everything(client: Client, upload: str) -> None:
    """Send `MARK` in each header field of `FIELDS`, one a request, in requests of each protocol, and in each URL of
    `PLACES`. `upload` is the path of an upload."""
    resources = [("POST", "/files/"), ("OPTIONS", "/files/"), ("GET", "/")]
    resources += [(method, upload) for method in ("PATCH", "HEAD", "GET")]
    for field, protocol_fields, (method, place) in product(FIELDS, PROTOCOLS, resources):
        await _ask(client, method, place, {**protocol_fields, field: MARK})
    for place, method in product(PLACES, ("GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS", "PUT")):
        await _ask(client, method, place, {"Tus-Resumable": "1.0.0"})


async def ask_directly(client: Client) -> None:
    """Send `MARK` in requests to the routes of direct uploads, much as `@uppy/aws-s3` sends them."""
    about = {"filename": f"{MARK}.txt", "type": TEXT, "metadata": {"name": MARK, MARK: MARK}}
    answer = await _json(client, "/files/s3/multipart", about)
    multipart = f"/files/s3/multipart/{answer['uploadId']}"
    xml = f"/files/s3/xml/{answer['uploadId']}?key={answer['key']}"
    part = {"PartNumber": 1, "ETag": MARK}
    await _json(client, f"{multipart}/complete?key={answer['key']}", {"parts": [part]})
    document = f"<a><Part><ETag>{MARK}</ETag><PartNumber>{MARK}</PartNumber></Part></a>"
    await _ask(client, "POST", xml, {}, document.encode())
    await _json(client, "/files/s3/presign", {"method": "PUT", "key": MARK, "uploadId": MARK, **about})
    for route in (f"params?filename={MARK}&type={TEXT}&metadata[{MARK}]={MARK}", f"multipart/{MARK}?key={MARK}"):
        await _ask(client, "GET", f"/files/s3/{route}", {})
    await _ask(client, "GET", f"{multipart}/{MARK}?key={answer['key']}", {})
    await _ask(client, "DELETE", f"/files/s3/multipart/{MARK}?key={MARK}", {})
    await _ask(client, "DELETE", f"{multipart}?key={answer['key']}", {})


async def _json(client: Client, place: str, document: object) -> dict[str, str]:
    answer = await _ask(client, "POST", place, {"Content-Type": "application/json"}, json.dumps(document).encode())
    with suppress(ValueError):
        return dict(json.loads(answer))
    return {}


async def _ask(client: Client, method: str, place: str, headers: Mapping[str, str], body: bytes = b"") -> bytes:
    with suppress(aiohttp.ClientError):
        async with client.request(method, place, headers=headers, data=body or None) as answer:
            return await answer.read()
    return b""
