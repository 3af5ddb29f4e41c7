"""The requests of a client for which the hook calls of tusd were recorded. Tests send the same to this server, to
compare its calls with the recorded ones."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import urljoin

import aiohttp

Fields = list[tuple[str, str]]
Scenario = Callable[[aiohttp.ClientSession, str], Awaitable[None]]

TUS: Fields = [("Tus-Resumable", "1.0.0")]
OCTETS: Fields = [("Content-Type", "application/offset+octet-stream")]
METADATA = {
    "zulu": b"last in the alphabet",
    "filename": "Men\N{LATIN SMALL LETTER U WITH DIAERESIS} <b>&amp; \u2028\u2029.txt".encode(),
    "filetype": b'text/"plain"\\\t\n\x01\x7f\b\f',
    "broken": b"a\xffb\xe2\x82c\xed\xa0\x80",
    "replacement": "\ufffd".encode(),
    "empty": b"",
    "Alpha": b"in capitals",
}


async def creation(http: aiohttp.ClientSession, url: str) -> None:
    """POST with every kind of metadata, and fields that come twice or hold secrets."""
    fields: Fields = [
        ("X-Custom", "one"),
        ("X-Custom", "two"),
        ("Authorization", "Bearer s3cret"),
        ("Cookie", "a=1"),
        ("Cookie", "b=2"),
        ("X-Request-ID", "abc"),
        ("content-language", "de <&>"),
    ]
    await _create(http, url, 5, metadata=METADATA, fields=fields)


async def creation_with_a_query(http: aiohttp.ClientSession, url: str) -> None:
    await _create(http, f"{url}?x=%20a&b=1", 5)


async def creation_with_upload(http: aiohttp.ClientSession, url: str) -> None:
    await _create(http, url, 5, body=b"hello")


async def an_empty_upload(http: aiohttp.ClientSession, url: str) -> None:
    await _create(http, url, 0)


async def deferred(http: aiohttp.ClientSession, url: str) -> None:
    upload = await _create(http, url, None, metadata={"filename": b"later"})
    await _patch(http, upload, 0, b"hel")
    await _patch(http, upload, 3, b"lo", [("Upload-Length", "5")])


async def two_patches_and_an_end(http: aiohttp.ClientSession, url: str) -> None:
    upload = await _create(http, url, 5)
    await _patch(http, upload, 0, b"hel")
    await _patch(http, upload, 3, b"lo", [("X-Custom", "finishing")])
    await _request(http, "DELETE", upload, TUS)


async def an_end_before_the_finish(http: aiohttp.ClientSession, url: str) -> None:
    upload = await _create(http, url, 5)
    await _patch(http, upload, 0, b"hel")
    await _request(http, "DELETE", upload, TUS)


async def concatenation(http: aiohttp.ClientSession, url: str) -> None:
    partial: Fields = [("Upload-Concat", "partial")]
    parts = [await _create(http, url, len(body), body=body, fields=partial) for body in (b"hello", b" world")]
    final: Fields = [("Upload-Concat", f"final;{' '.join(parts)}"), ("Upload-Metadata", "filename YQ==")]
    await _request(http, "POST", url, [*TUS, *final])


async def ietf_creation(http: aiohttp.ClientSession, url: str) -> None:
    await _request(
        http,
        "POST",
        url,
        [
            ("Upload-Draft-Interop-Version", "6"),
            ("Upload-Complete", "?1"),
            ("Content-Type", "text/plain"),
            ("Content-Disposition", 'attachment; filename="hello.txt"'),
        ],
        b"hello",
    )


SCENARIOS: Mapping[str, Scenario] = {
    scenario.__name__: scenario
    for scenario in (
        creation,
        creation_with_a_query,
        creation_with_upload,
        an_empty_upload,
        deferred,
        two_patches_and_an_end,
        an_end_before_the_finish,
        concatenation,
        ietf_creation,
    )
}


async def _create(
    http: aiohttp.ClientSession,
    url: str,
    length: int | None,
    *,
    body: bytes | None = None,
    metadata: Mapping[str, bytes] | None = None,
    fields: Fields | None = None,
) -> str:
    """Create an upload by tus, with a deferred length if `length` is None, and return its URL."""
    size = ("Upload-Defer-Length", "1") if length is None else ("Upload-Length", str(length))
    pairs = ",".join(f"{key} {base64.b64encode(value).decode()}" for key, value in (metadata or {}).items())
    described: Fields = [("Upload-Metadata", pairs)] if pairs else []
    kind = OCTETS if body is not None else []
    location = await _request(http, "POST", url, [*TUS, size, *described, *kind, *(fields or [])], body)
    return urljoin(url, location)


async def _patch(http: aiohttp.ClientSession, url: str, at: int, body: bytes, fields: Fields | None = None) -> None:
    await _request(http, "PATCH", url, [*TUS, *OCTETS, ("Upload-Offset", str(at)), *(fields or [])], body)


async def _request(
    http: aiohttp.ClientSession, method: str, url: str, fields: Fields, body: bytes | None = None
) -> str:
    async with http.request(method, url, headers=fields, data=body, skip_auto_headers=["Content-Type"]) as answer:
        assert answer.status in {200, 201, 204}, (answer.status, await answer.text())
        return answer.headers.get("Location", "")
