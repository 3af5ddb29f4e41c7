"""A tus client that resumes after trouble and checks each offset that the server tells it."""

from __future__ import annotations

import asyncio

import aiohttp

from tests.support.exchange import Answer
from tests.support.tus import TusClient


class Uploader:
    """A client that uploads `data` to `url` in PATCH requests of `chunk` bytes, as tus-js-client does: after a broken
    connection, or a status other than 204, it asks for the offset and continues there.

    It fails the test if an offset is lower than one told before or beyond the bytes sent, or if a HEAD is answered with
    a status other than 200 or 423.
    """

    def __init__(self, client: TusClient, url: str, data: bytes, *, chunk: int) -> None:
        self.acknowledged = 0
        self._bytes_sent = 0
        self._client = client
        self.url = url
        self._data = data
        self._chunk = chunk

    async def run(self, within: float = 90.0) -> None:
        """Send PATCH requests until the server has acknowledged all of `data`. Raises TimeoutError after `within`
        seconds, or like `ask`."""
        async with asyncio.timeout(within):
            while self.acknowledged < len(self._data):
                await self.step()

    async def step(self) -> None:
        """Send one PATCH with the next bytes; if it isn't answered with 204, get the offset with `ask`, and raise
        TimeoutError as that does."""
        start = self.acknowledged
        self._bytes_sent = max(self._bytes_sent, min(start + self._chunk, len(self._data)))
        try:
            answer = await self._client.patch(self.url, start, self._data[start : start + self._chunk])
        except aiohttp.ClientError:
            await self.ask()
        else:
            await (self._tell(answer) if answer.status == 204 else self.ask())

    async def ask(self) -> None:
        """Send HEAD requests until one is answered with 200: the next PATCH starts at its offset. Raises TimeoutError
        after 60 seconds."""
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
