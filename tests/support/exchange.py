"""One request over HTTP and its answer, shared by the tests' clients of tus, the IETF's protocol and direct uploads."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import aiohttp
from multidict import CIMultiDictProxy

Body = bytes | str | AsyncIterator[bytes] | aiohttp.payload.Payload | None
"""A request's body; an iterator makes it chunked, as its length isn't known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    reason: str
    headers: CIMultiDictProxy[str]
    body: bytes

    @property
    def offset(self) -> int:
        return int(self.headers["Upload-Offset"])

    @property
    def url(self) -> str:
        return self.headers["Location"]

    @property
    def etag(self) -> str:
        return self.headers["ETag"]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


async def exchange(
    session: aiohttp.ClientSession, method: str, url: str, body: Body, headers: Mapping[str, str] | None
) -> Answer:
    """Send a request with these header fields and no Content-Type of aiohttp's own, and return its answer, a
    redirection too."""
    data = BytesIO(body) if isinstance(body, bytes) else body
    async with session.request(
        method, url, data=data, headers=headers, allow_redirects=False, skip_auto_headers=["Content-Type"]
    ) as answer:
        return Answer(
            status=answer.status, reason=answer.reason or "", headers=answer.headers, body=await answer.read()
        )
