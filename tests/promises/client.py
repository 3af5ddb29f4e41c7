"""A tus client in small words, that trusts nothing it is told."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

VERSION = {"Tus-Resumable": "1.0.0"}
BYTES = {**VERSION, "Content-Type": "application/offset+octet-stream"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def offset(self) -> int:
        return int(self.headers["Upload-Offset"])


class Client:
    """Talks to the creation endpoint at `url`. A chunk of no known length is given as an async iterator."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self.url = url
        self._session = session

    async def request(self, method: str, url: str, data: Any = None, **headers: str) -> Answer:
        """Header names are written with underscores."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        body = io.BytesIO(data) if isinstance(data, bytes) else data
        async with self._session.request(method, url, headers=named, data=body, allow_redirects=False) as answer:
            return Answer(status=answer.status, headers=answer.headers, body=await answer.read())

    async def post(self, length: int | None, data: Any = None, **headers: str) -> Answer:
        told = {"Upload_Defer_Length": "1"} if length is None else {"Upload_Length": str(length)}
        return await self.request("POST", self.url, data, **(VERSION if data is None else BYTES), **told, **headers)

    async def create(self, length: int | None, data: Any = None, **headers: str) -> str:
        """The URL of a new upload."""
        answer = await self.post(length, data, **headers)
        assert answer.status == 201, answer
        return answer.headers["Location"]

    async def patch(self, url: str, offset: int, data: Any, **headers: str) -> Answer:
        return await self.request("PATCH", url, data, **BYTES, Upload_Offset=str(offset), **headers)

    async def head(self, url: str) -> Answer:
        return await self.request("HEAD", url, **VERSION)

    async def offset(self, url: str) -> int:
        answer = await self.head(url)
        assert answer.status == 200, answer
        return answer.offset

    async def delete(self, url: str) -> None:
        answer = await self.request("DELETE", url, **VERSION)
        assert answer.status == 204, answer

    async def content(self, url: str) -> bytes:
        answer = await self.request("GET", url)
        assert answer.status == 200, answer
        return answer.body


class Uploader:
    """Brings `data` to `url` the way tus-js-client does: after any trouble it asks how far it got and goes on.

    An offset that goes back, or ahead of what was sent, is a broken promise; so is a HEAD that fails but with 423.
    """

    def __init__(self, client: Client, url: str, data: bytes, *, chunk: int) -> None:
        self.told = 0
        self._sent = 0
        self._client = client
        self.url = url
        self._data = data
        self._chunk = chunk

    async def run(self) -> None:
        """Until all of it has been acknowledged; raises TimeoutError when that takes too long."""
        async with asyncio.timeout(90):
            while self.told < len(self._data):
                await self.step()

    async def step(self) -> None:
        """One PATCH, and a HEAD if it went wrong."""
        start = self.told
        self._sent = max(self._sent, min(start + self._chunk, len(self._data)))
        try:
            answer = await self._client.patch(self.url, start, self._data[start : start + self._chunk])
        except aiohttp.ClientError:
            await self.ask()
        else:
            await (self._tell(answer) if answer.status == 204 else self.ask())

    async def ask(self) -> None:
        """HEAD until it has an answer."""
        async with asyncio.timeout(60):
            while (answer := await self._head()) is None:  # noqa: ASYNC110 (only asking tells)
                await asyncio.sleep(0.05)
        await self._tell(answer)

    async def _head(self) -> Answer | None:
        try:
            answer = await self._client.head(self.url)
        except aiohttp.ClientError:
            return None
        assert answer.status in (200, 423), answer
        return answer if answer.status == 200 else None

    async def _tell(self, answer: Answer) -> None:
        assert self.told <= answer.offset <= self._sent, "an offset was taken back, or is ahead of the bytes"
        self.told = answer.offset


async def until(fact: Callable[[], Awaitable[bool]], within: float = 30.0) -> float:
    """Seconds until `fact` is one; raises TimeoutError."""
    started = time.monotonic()
    async with asyncio.timeout(within):
        while not await fact():  # noqa: ASYNC110 (only asking tells)
            await asyncio.sleep(0.02)
    return time.monotonic() - started
