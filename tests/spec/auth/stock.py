"""Uploads of alice, callers that don't prove to be alice, and requests on every wire to create, read, continue and end
uploads."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from urllib.parse import quote

import aiohttp

from tests.support.direct import DirectClient
from tests.support.logins import Fields, bearing
from tests.support.rufh import PARTIAL, RufhClient
from tests.support.tus import OCTETS, TusClient, encoded

ORIGIN = "https://app.example"


def alice() -> Fields:
    return bearing("alice")


CALLERS: Mapping[str, Callable[[], Fields]] = {
    "none": dict,
    "expired": lambda: bearing("alice", exp=1),
    "forged": lambda: {"Authorization": "Bearer forged"},
    "bob": lambda: bearing("bob"),
}


def tus(session: aiohttp.ClientSession, url: str, fields: Fields) -> TusClient:
    """Return a tus client that sends the fields with every request."""
    client = TusClient(session, url)
    client.always = {**client.always, **fields}
    return client


def rufh(session: aiohttp.ClientSession, url: str, fields: Fields) -> RufhClient:
    """Return a client of the IETF's protocol that sends the fields with every request."""
    client = RufhClient(session, url)
    client.always = {**client.always, **fields}
    return client


async def read(client: TusClient, url: str) -> bytes:
    """Return the content of a finished upload. Raises AssertionError unless the server answers 200."""
    answer = await client.get(url)
    assert answer.status == 200, answer
    return answer.body


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """The uploads of alice at `endpoint`: the URLs of an open one and of a finished one, and a direct upload in
    parts."""

    endpoint: str
    open: str
    done: str
    link: str
    """The reading link of the finished upload, whose URL is `done`."""
    part_id: str
    """The id that this server gave the direct upload in parts."""
    key: str
    """The object's key of the upload in parts."""


async def stocked(endpoint: str) -> Stock:
    """Create uploads of alice at the endpoint, and return them."""
    async with aiohttp.ClientSession(headers=alice()) as session:
        client, name = TusClient(session, endpoint), {"upload_metadata": f"filename {encoded(b'secret.txt')}"}
        done = await client.create(3, b"abc", **name)
        upload = await DirectClient(session, endpoint).begin()
        return Stock(
            endpoint=endpoint,
            open=await client.create(9, b"abc", **name),
            done=done,
            link=(await client.head(done)).headers["Link"].partition(">")[0][1:],
            part_id=upload.upload_id,
            key=upload.key,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A request as data, without a credential, so that a test can send it as different callers."""

    method: str
    url: str
    fields: Fields
    body: bytes = b""
    names_upload_in_body: bool = False
    """True if only the body says which upload the request continues, or that it creates one: a server can refuse it
    unread only to a caller who may neither create an upload nor continue any."""


def _tus(method: str, url: str, body: bytes = b"", **own_fields: str) -> Ask:
    fields = {"Tus-Resumable": "1.0.0", **{name.replace("_", "-"): value for name, value in own_fields.items()}}
    return Ask(method=method, url=url, fields=fields, body=body)


def _rufh(method: str, url: str, body: bytes = b"", **fields: str) -> Ask:
    headers = {name.replace("_", "-"): value for name, value in fields.items()}
    return Ask(method=method, url=url, fields={"Upload-Draft-Interop-Version": "8", **headers}, body=body)


def _json(method: str, url: str, document: object = None) -> Ask:
    body = b"" if document is None else json.dumps(document).encode()
    return Ask(method=method, url=url, fields={"Content-Type": "application/json"}, body=body)


def _companion(method: str, tail: str, document: object, stock: Stock) -> Ask:
    return _json(method, f"{stock.endpoint}s3/multipart/{stock.part_id}{tail}?key={quote(stock.key)}", document)


def _xml(method: str, query: str, body: bytes, stock: Stock) -> Ask:
    url = f"{stock.endpoint}s3/xml/{stock.part_id}?key={quote(stock.key)}{query}"
    return Ask(method=method, url=url, fields={"Content-Type": "application/xml"}, body=body)


def _presign(stock: Stock, **fields: object) -> Ask:
    return replace(_json("POST", f"{stock.endpoint}s3/presign", fields), names_upload_in_body=True)


def _presign_part(stock: Stock) -> Ask:
    return _presign(stock, method="PUT", key=stock.key, uploadId=stock.part_id, partNumber=1)


WRONG = "7"
"""Another offset than the upload's: a caller with the right is told so, and nothing changes."""
PARTS = {"parts": [{"PartNumber": 1, "ETag": "none"}]}
XML_PARTS = b"<Part><PartNumber>1</PartNumber><ETag>none</ETag></Part>"

CREATE: Mapping[str, Callable[[Stock], Ask]] = {
    "tus POST": lambda stock: _tus("POST", stock.endpoint, Upload_Length="9"),
    "tus POST with bytes": lambda stock: _tus("POST", stock.endpoint, b"abc", Upload_Length="9", Content_Type=OCTETS),
    "tus POST of a final": lambda stock: _tus("POST", stock.endpoint, Upload_Concat=f"final;{stock.done}"),
    "IETF POST": lambda stock: _rufh("POST", stock.endpoint, b"abc", Upload_Complete="?1"),
    "IETF PUT": lambda stock: _rufh("PUT", stock.endpoint, b"abc", Upload_Complete="?0"),
    "Companion params": lambda stock: _json("GET", f"{stock.endpoint}s3/params?filename=a&type=text/plain"),
    "Companion multipart": lambda stock: _json("POST", f"{stock.endpoint}s3/multipart", {"filename": "a", "type": "b"}),
    "presign of a whole": partial(_presign, method="PUT", key="a"),
    "presign of parts": partial(_presign, method="POST", key="a"),
}
HEAD: Mapping[str, Callable[[Stock], Ask]] = {
    "tus HEAD": lambda stock: _tus("HEAD", stock.open),
    "tus HEAD of what is done": lambda stock: _tus("HEAD", stock.done),
    "IETF HEAD": lambda stock: _rufh("HEAD", stock.open),
    "HEAD": lambda stock: Ask(method="HEAD", url=stock.done, fields={}),
}
CONTINUE: Mapping[str, Callable[[Stock], Ask]] = {
    "tus PATCH": lambda stock: _tus("PATCH", stock.open, b"abc", Upload_Offset=WRONG, Content_Type=OCTETS),
    "tus PATCH of what is done": lambda stock: _tus(
        "PATCH", stock.done, b"abc", Upload_Offset=WRONG, Content_Type=OCTETS
    ),
    "tus PATCH by POST": lambda stock: _tus(
        *("POST", stock.open, b"abc"), Upload_Offset=WRONG, Content_Type=OCTETS, X_HTTP_Method_Override="PATCH"
    ),
    "IETF PATCH": lambda stock: _rufh(
        *("PATCH", stock.open, b"abc"), Upload_Offset=WRONG, Content_Type=PARTIAL, Upload_Complete="?0"
    ),
    "Companion list": partial(_companion, "GET", "", None),
    "Companion part": partial(_companion, "GET", "/1", None),
    "Companion complete": partial(_companion, "POST", "/complete", PARTS),
    "presign of a part": _presign_part,
    "XML open": partial(_xml, "POST", "&uploads", b""),
    "XML list": partial(_xml, "GET", "", b""),
    "XML complete": partial(_xml, "POST", "", XML_PARTS),
}
OTHER: Mapping[str, Callable[[Stock], Ask]] = {
    "tus DELETE": lambda stock: _tus("DELETE", stock.open),
    "IETF DELETE": lambda stock: _rufh("DELETE", stock.done),
    "GET": lambda stock: Ask(method="GET", url=stock.done, fields={}),
    "GET of what is open": lambda stock: _tus("GET", stock.open),
    "IETF GET of what is open": lambda stock: _rufh("GET", stock.open),
    "Companion abort": partial(_companion, "DELETE", "", None),
    "XML abort": partial(_xml, "DELETE", "", b""),
}
LINKED: Mapping[str, Callable[[Stock], Ask]] = {
    "GET of a reading link": lambda stock: Ask(method="GET", url=stock.link, fields={}),
    "HEAD of a reading link": lambda stock: Ask(method="HEAD", url=stock.link, fields={}),
}
PREFLIGHT: Mapping[str, Callable[[Stock], Ask]] = {
    "OPTIONS": lambda stock: Ask(method="OPTIONS", url=stock.endpoint, fields={}),
    "OPTIONS of an upload": lambda stock: Ask(method="OPTIONS", url=stock.open, fields={}),
    "OPTIONS of Companion": lambda stock: Ask(method="OPTIONS", url=f"{stock.endpoint}s3/multipart", fields={}),
}
