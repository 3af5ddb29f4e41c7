"""Forms as bytes, and plain requests to a server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import aiohttp

from tests.support.exchange import Answer, exchange

BOUNDARY = "------------------------boundary"


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a form, a file if `filename` isn't None (it may be empty); `kind` is its Content-Type. The names are
    written as they are: a test escapes them where a form needs it."""

    name: str
    content: bytes
    filename: str | None = None
    kind: str | None = None

    def encoded(self) -> bytes:
        filename = "" if self.filename is None else f'; filename="{self.filename}"'
        kind = "" if self.kind is None else f"Content-Type: {self.kind}\r\n"
        return f'Content-Disposition: form-data; name="{self.name}"{filename}\r\n{kind}\r\n'.encode() + self.content


def file(content: bytes, filename: str = "a.txt", kind: str | None = "text/plain") -> Part:
    return Part("file", content, filename, kind)


def encoded(parts: Sequence[Part | bytes], boundary: str = BOUNDARY) -> bytes:
    """Return a whole form. A part given as bytes is used as it is, so it must have its own head and the empty line
    after it."""
    lines = [f"--{boundary}\r\n".encode() + (part if isinstance(part, bytes) else part.encoded()) for part in parts]
    return b"\r\n".join([*lines, f"--{boundary}--\r\n".encode()])


def form_fields(boundary: str = BOUNDARY) -> dict[str, str]:
    return {"Content-Type": f"multipart/form-data; boundary={boundary}"}


class PlainClient:
    """A client that sends plain uploads to the creation endpoint `url`; `origin` is the scheme, host and port of its
    server."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session, self.url = session, url
        self.origin = url.removesuffix("/files/")

    async def post(self, *parts: Part | bytes, query: str = "", **fields: str) -> Answer:
        """POST a form of these parts to the creation endpoint; `query`, with its `?`, is appended to the URL. Keywords
        are header fields, with `_` for `-`."""
        return await self.send("POST", query, encoded(parts), form_fields() | _header_fields(fields))

    async def put(self, segment: str, body: bytes, **fields: str) -> Answer:
        return await self.send("PUT", segment, body, _header_fields(fields))

    async def send(self, method: str, below: str, body: bytes, fields: dict[str, str]) -> Answer:
        """Send a request to the creation endpoint's URL with `below` appended, with these header fields, and no
        Content-Type unless they have one; aiohttp adds Host, Content-Length and the like."""
        return await exchange(self._session, method, self.url + below, body, fields)

    async def content(self, url: str) -> bytes:
        return (await exchange(self._session, "GET", url, None, {})).body

    async def head(self, url: str) -> Answer:
        return await exchange(self._session, "HEAD", url, None, {})


def _header_fields(fields: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in fields.items()}
