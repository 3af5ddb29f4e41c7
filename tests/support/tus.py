"""A tus 1.0 client that does what it is told, wrong things too, and judges nothing."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from io import BytesIO

import aiohttp
from multidict import CIMultiDictProxy

VERSION = "1.0.0"
OCTETS = "application/offset+octet-stream"
PATIENCE = 15.0
"""Seconds an exchange may take at most."""
HEAD_WITHIN = 2.0
"""Seconds in which whoever asks gets an upload's turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    headers: CIMultiDictProxy[str]
    body: bytes

    @property
    def offset(self) -> int:
        return int(self.headers["Upload-Offset"])

    @property
    def url(self) -> str:
        return self.headers["Location"]


class TusClient:
    """Talks to the creation endpoint `url`.

    Header fields are keywords: `upload_length=5` is `Upload-Length: 5`, and None leaves one out. Tus-Resumable is
    always sent unless it is left out so.
    """

    always: Mapping[str, object] = {"tus_resumable": VERSION}

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self.url = url

    @property
    def port(self) -> int:
        return int(self.url.split(":")[2].partition("/")[0])

    async def request(self, method: str, url: str, body: bytes | None = None, /, **headers: object) -> Answer:
        fields = named({**self.always, **headers})
        data = None if body is None else BytesIO(body)
        async with self._session.request(
            method, url, data=data, headers=fields, allow_redirects=False, skip_auto_headers=["Content-Type"]
        ) as answer:
            return Answer(status=answer.status, headers=answer.headers, body=await answer.read())

    async def post(self, body: bytes | None = None, /, **headers: object) -> Answer:
        return await self.request("POST", self.url, body, **headers)

    async def create(self, length: int | None, body: bytes = b"", /, **headers: object) -> str:
        """The URL of a new upload, of a length declared later for None, with `body` in it."""
        size = {"upload_defer_length": 1} if length is None else {"upload_length": length}
        kind = {"content_type": OCTETS} if body else {}
        answer = await self.post(body or None, **size, **kind, **headers)
        assert answer.status == 201, answer
        return answer.url

    async def patch(self, url: str, offset: object, body: bytes | None, /, **headers: object) -> Answer:
        return await self.request("PATCH", url, body, **{"content_type": OCTETS, "upload_offset": offset, **headers})

    async def head(self, url: str, **headers: object) -> Answer:
        return await self.request("HEAD", url, **headers)

    async def offset(self, url: str) -> int:
        answer = await self.head(url)
        assert answer.status == 200, answer
        return answer.offset

    async def get(self, url: str, **headers: object) -> Answer:
        return await self.request("GET", url, **headers)

    async def content(self, url: str) -> bytes:
        answer = await self.get(url)
        assert answer.status == 200, answer
        return answer.body

    async def delete(self, url: str) -> Answer:
        return await self.request("DELETE", url)

    async def metric(self, name: str) -> float:
        """The value of a metric without labels, its name without `tusdpy_`."""
        answer = await self.get(f"http://127.0.0.1:{self.port}/metrics")
        lines = (line.split() for line in answer.body.decode().splitlines())
        return next(float(line[1]) for line in lines if line[0] == f"tusdpy_{name}")

    async def received(self, count: float) -> None:
        """Wait until the server has taken `count` bytes in its life."""

        async def there() -> bool:
            return await self.metric("received_bytes_total") >= count

        await until(there)

    async def options(self, url: str | None = None, **headers: object) -> Answer:
        return await self.request("OPTIONS", url or self.url, **{"tus_resumable": None, **headers})

    async def partials(self, *bodies: bytes) -> list[str]:
        """The URLs of finished partial uploads."""
        return [await self.create(len(body), body, upload_concat="partial") for body in bodies]

    async def final(self, *urls: str, **headers: object) -> Answer:
        return await self.post(upload_concat=f"final;{' '.join(urls)}", **headers)


async def until(true: Callable[[], Awaitable[bool]], patience: float = PATIENCE) -> None:
    """Ask again and again, since a server in another process can't say when."""
    async with asyncio.timeout(patience):
        while not await true():
            await asyncio.sleep(0.01)


def encoded(value: bytes) -> str:
    return base64.b64encode(value).decode()


def named(headers: Mapping[str, object]) -> dict[str, str]:
    """`upload_length=5` as `Upload-Length: 5`; what is None is left out."""
    return {name.replace("_", "-").title(): str(value) for name, value in headers.items() if value is not None}
