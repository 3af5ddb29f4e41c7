"""The server in front of a real S3, with a look at what S3 holds of its uploads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp

from devtools.seaweed import SeaweedFS
from tests.support.bucket import Bucket
from tests.support.server import Server
from tests.support.tus import TusClient

MIB = 1024 * 1024
SIZES = (0, 1, 5 * MIB - 1, 8 * MIB, 8 * MIB + 1, 20 * MIB + 17)
"""Lengths of uploads in bytes: 0, 1, one just below the smallest part that S3 takes (5 MiB), and some at and above the
size of the server's parts (8 MiB)."""


class Deployment:
    """A server in another process, as in production, which stores uploads below `prefix` in SeaweedFS's bucket. It runs
    in `directory`, once `server` is started; `settings` are the server's."""

    def __init__(self, directory: Path, seaweed: SeaweedFS, prefix: str, **settings: Any) -> None:
        self.bucket = Bucket(seaweed, prefix)
        self.server = Server(directory, environment=self.bucket.environment, **self.bucket.settings, **settings)

    @property
    def url(self) -> str:
        """URL of the creation endpoint."""
        return self.server.url

    def stored(self, url: str | None) -> bytes:
        """Return the object of a finished upload, asked of S3 itself; the URL must be of this deployment."""
        assert url is not None
        assert url.startswith(self.url)
        return self.content(url)

    def content(self, url: str) -> bytes:
        """Returns the object of a finished upload, asked of S3 itself; the URL may have any host."""
        return self.bucket.content(url)

    def residue(self) -> list[str]:
        """Return the keys of all objects and all multipart uploads below the prefix, without the prefix, those of
        multipart uploads after the word `multipart`; the installation's id is left out."""
        return self.bucket.residue()

    async def offset(self, url: str) -> int:
        """Return the upload's offset, as HEAD tells it."""
        async with aiohttp.ClientSession() as session:
            return await TusClient(session, self.url).offset(url)

    async def until_received(self, count: int) -> int:
        """Wait until the server has taken `count` bytes of request bodies since its start, and return how many it has
        taken."""
        return await self._until("received", count)

    async def until_sent(self, count: int) -> int:
        """Wait until the server has sent `count` bytes of finished uploads since its start, and return how many it has
        sent."""
        return await self._until("sent", count)

    async def until_closed(self) -> None:
        """Wait until no worker listens any more, which a refused connection shows. A connection that breaks, as its
        worker ended before serving it, doesn't: the server is asked again."""
        with suppress(aiohttp.ClientConnectorError):
            while True:
                await self._asked_once()

    async def _asked_once(self) -> None:
        try:
            await self._until("received", 0)
        except aiohttp.ClientConnectorError:
            raise
        except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError):
            return

    async def _until(self, direction: str, count: int) -> int:
        while (counted := await self.server.metric(f"{direction}_bytes_total")) < count:  # noqa: ASYNC110 (another process's)
            await asyncio.sleep(0.02)
        return int(counted)


@asynccontextmanager
async def deployed(directory: Path, seaweed: SeaweedFS, prefix: str, **settings: Any) -> AsyncIterator[Deployment]:
    """A deployment for as long as the block lasts; a Traceback in its log raises AssertionError after that."""
    deployment = Deployment(directory, seaweed, prefix, **settings)
    await deployment.server.start()
    try:
        yield deployment
    finally:
        await deployment.server.kill()
    assert "Traceback" not in deployment.server.log(), deployment.server.log()
