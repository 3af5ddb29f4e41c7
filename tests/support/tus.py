"""A tus 1.0 client that does what it is told, wrong things too, and judges nothing."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable, Mapping

import aiohttp

from tests.support.exchange import Answer, Body, exchange
from tests.support.metrics import total

VERSION = "1.0.0"
OCTETS = "application/offset+octet-stream"
PATIENCE = 15.0
"""Seconds an exchange may take at most."""
TUS = {"Tus-Resumable": VERSION}
BYTES = {**TUS, "Content-Type": OCTETS}
"""The fields of every request, and of one with bytes, for clients that are told them all."""


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

    async def request(self, method: str, url: str, body: Body = None, /, **headers: object) -> Answer:
        return await self.send(method, url, body, header_fields({**self.always, **headers}))

    async def send(self, method: str, url: str, body: Body, fields: Mapping[str, str]) -> Answer:
        """A request with exactly these fields."""
        return await exchange(self._session, method, url, body, fields)

    async def post(self, body: Body = None, /, **headers: object) -> Answer:
        return await self.request("POST", self.url, body, **headers)

    async def try_create(self, length: int | None, body: Body = b"", /, **headers: object) -> Answer:
        """The answer to a creation, of a length declared later for None, with `body` in it."""
        size = {"upload_defer_length": 1} if length is None else {"upload_length": length}
        kind = {"content_type": OCTETS} if body else {}
        return await self.post(body or None, **size, **kind, **headers)

    async def create(self, length: int | None, body: Body = b"", /, **headers: object) -> str:
        """The URL of a new upload."""
        answer = await self.try_create(length, body, **headers)
        assert answer.status == 201, answer
        return answer.url

    async def patch(self, url: str, offset: object, body: Body, /, **headers: object) -> Answer:
        return await self.request("PATCH", url, body, **{"content_type": OCTETS, "upload_offset": offset, **headers})

    async def head(self, url: str, **headers: object) -> Answer:
        return await self.request("HEAD", url, **headers)

    async def offset(self, url: str) -> int:
        answer = await self.head(url)
        assert answer.status == 200, answer
        return answer.offset

    async def get(self, url: str, **headers: object) -> Answer:
        return await self.request("GET", url, **headers)

    async def fetch(self, url: str, **headers: object) -> Answer:
        """GET as browsers do, without a field of the protocol."""
        return await self.send("GET", url, None, header_fields(headers))

    async def content(self, url: str) -> bytes:
        answer = await self.fetch(url)
        assert answer.status == 200, answer
        return answer.body

    async def delete(self, url: str) -> Answer:
        return await self.request("DELETE", url)

    async def terminate(self, url: str) -> None:
        """Delete an upload that can be deleted."""
        answer = await self.delete(url)
        assert answer.status == 204, answer

    async def metric(self, name: str) -> float:
        """The sum over all labels of `tusdpy_{name}`."""
        return total((await self.fetch(f"http://127.0.0.1:{self.port}/metrics")).body.decode(), name)

    async def received(self, count: float) -> None:
        """Wait until the server has taken `count` bytes in its life."""

        async def has_arrived() -> bool:
            return await self.metric("received_bytes_total") >= count

        await until(has_arrived)

    async def options(self, url: str | None = None, **headers: object) -> Answer:
        return await self.request("OPTIONS", url or self.url, **{"tus_resumable": None, **headers})

    async def partials(self, *bodies: bytes) -> list[str]:
        """The URLs of finished partial uploads."""
        return [await self.create(len(body), body, upload_concat="partial") for body in bodies]

    async def final(self, *urls: str, **headers: object) -> Answer:
        return await self.post(upload_concat=f"final;{' '.join(urls)}", **headers)


async def until(true: Callable[[], Awaitable[bool]], within: float = 30.0) -> None:
    """Ask again and again, since a server in another process can't say when. Raises TimeoutError."""
    async with asyncio.timeout(within):
        while not await true():
            await asyncio.sleep(0.02)


def encoded(value: bytes) -> str:
    return base64.b64encode(value).decode()


def header_fields(headers: Mapping[str, object]) -> dict[str, str]:
    """`upload_length=5` as `Upload-Length: 5`; what is None is left out."""
    return {name.replace("_", "-").title(): str(value) for name, value in headers.items() if value is not None}
