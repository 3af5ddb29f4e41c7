"""A client that goes on after trouble, and believes nothing that it is told."""

from __future__ import annotations

import asyncio

import aiohttp

from tests.support.exchange import Answer
from tests.support.tus import TusClient


class Uploader:
    """Brings `data` to `url` the way tus-js-client does: after any trouble it asks how far it got and goes on.

    An offset that goes back, or ahead of what was sent, is a broken promise; so is a HEAD that fails but with 423.
    """

    def __init__(self, client: TusClient, url: str, data: bytes, *, chunk: int) -> None:
        self.acknowledged = 0
        self._bytes_sent = 0
        self._client = client
        self.url = url
        self._data = data
        self._chunk = chunk

    async def run(self, within: float = 90.0) -> None:
        """Until all of it has been acknowledged; raises TimeoutError when that takes too long."""
        async with asyncio.timeout(within):
            while self.acknowledged < len(self._data):
                await self.step()

    async def step(self) -> None:
        """One PATCH, and a HEAD if it went wrong."""
        start = self.acknowledged
        self._bytes_sent = max(self._bytes_sent, min(start + self._chunk, len(self._data)))
        try:
            answer = await self._client.patch(self.url, start, self._data[start : start + self._chunk])
        except aiohttp.ClientError:
            await self.ask()
        else:
            await (self._tell(answer) if answer.status == 204 else self.ask())

    async def ask(self) -> None:
        """HEAD until it has an answer."""
        async with asyncio.timeout(60):
            while (answer := await self._head()) is None:
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
        assert self.acknowledged <= answer.offset <= self._bytes_sent, (
            "an offset was taken back, or is ahead of the bytes"
        )
        self.acknowledged = answer.offset
