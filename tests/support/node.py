"""One node as production runs it: the server, a real S3, and between them a proxy that counts requests and makes
faults."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from devtools.seaweed import SeaweedFS
from tests.support.bucket import Bucket
from tests.support.s3proxy import S3Proxy
from tests.support.server import PROGRAM, READ_BY_AIOHTTP, Server
from tests.support.tus import TusClient, until

MIB = 1024 * 1024
PART = 8 * MIB
"""The default part size."""
BOTH_READERS = pytest.mark.parametrize(
    "settings", [{}, {"program": READ_BY_AIOHTTP}], ids=["into slabs", "by aiohttp"], indirect=True, scope="module"
)
"""Runs each test of a module twice: with bodies read into slabs where possible, and with all bodies read by aiohttp."""


class Node:
    """A server that reaches S3 through `proxy`, its objects below a new prefix, with its state in SQLite unless the
    settings say otherwise. Settings are named as in `Settings`; additional ones are `debug` and `forked` of `Server`,
    `program` (the Python text that the server runs) and `environment` (the variables with its S3 credentials)."""

    def __init__(self, seaweed: SeaweedFS, proxy: S3Proxy, directory: Path, **settings: Any) -> None:
        self.s3 = proxy
        self.bucket = Bucket(seaweed, endpoint=proxy.endpoint)
        self.temporary = directory / "tmp"
        self.temporary.mkdir()
        self.state = directory / "state.db"
        """The SQLite file of the state, unless the settings choose another state."""
        self._servers = 0
        self._directory = directory
        self._settings = {"state": f"sqlite:{self.state}", **self.bucket.settings, **settings}
        self.server = self.new_server()

    def new_server(self) -> Server:
        """Return a new server with the same state and objects, which is not started yet."""
        self._servers += 1
        place = self._directory / f"server-{self._servers}"
        place.mkdir()
        settings = {"environment": self.bucket.environment, "program": PROGRAM, **self._settings}
        environment, program = settings.pop("environment"), settings.pop("program")
        server = Server(place, environment={**environment, "TMPDIR": str(self.temporary)}, **settings)
        server.program = program
        return server

    async def restart(self) -> None:
        """Kill the server with SIGKILL and start it again, as after a power cut."""
        await self.server.kill()
        await self.server.start()

    async def received(self) -> int:
        """Return the number of body bytes that the server process has received since its start."""
        return int(await self.server.metric("received_bytes_total"))

    async def until_received(self, count: int) -> None:
        """Wait until the server process has received `count` body bytes since its start. Raises TimeoutError after
        30 s."""

        async def arrived() -> bool:
            return await self.received() >= count

        await until(arrived)

    async def until_idle(self) -> None:
        """Wait until the server is receiving no body of an upload. Raises TimeoutError after 30 s."""

        async def idle() -> bool:
            return await self.server.metric("uploads_in_flight") == 0

        await until(idle)

    async def until_stored(self, parts: int) -> None:
        """Wait until the proxy has begun to answer `parts` UploadPart requests since its last `reset`, with any status,
        then half a second more, in which the server records the parts. Raises TimeoutError if not so many answers have
        begun after 30 s."""

        async def stored() -> bool:
            return sum(call.operation == "UploadPart" and call.status is not None for call in self.s3.calls) >= parts

        await until(stored)
        await asyncio.sleep(0.5)

    async def residue(self) -> list[str]:
        """Return the keys, without the node's prefix, of all objects below that prefix but the one with the
        installation's id, and `multipart KEY` for each open multipart upload below it."""
        return await asyncio.to_thread(self.bucket.residue)

    async def object_size(self, url: str) -> int | None:
        """Return the size in bytes of the upload's finished object in S3, whose key, after the node's prefix, must
        begin with the upload's id; None if there is no such object."""
        return await asyncio.to_thread(self.bucket.size, url)

    async def stored(self, url: str) -> bytes:
        """Return the content of the upload's finished object, whose key must be the upload's id, read from S3 itself.
        Raises botocore's ClientError if there is no such object."""
        return await asyncio.to_thread(self.bucket.content, url)

    def remembered(self) -> list[str]:
        """Return all rows of the state's SQLite files as INSERT statements, but for the number of the last event."""
        files = [
            path for path in self._directory.glob("state.db*") if not path.name.endswith(("-wal", "-shm", ".reserve"))
        ]
        return [row for path in files for row in _rows(path)]


def _rows(path: Path) -> list[str]:
    """Return the rows of the SQLite file as INSERT statements, but for the number of the last event, which only
    grows."""
    with closing(sqlite3.connect(path)) as connection:
        return [line for line in connection.iterdump() if line.startswith("INSERT") and "sqlite_sequence" not in line]


@asynccontextmanager
async def one_node(seaweed: SeaweedFS, directory: Path, **settings: Any) -> AsyncIterator[Node]:
    """A node that runs for as long as the block lasts."""
    async with S3Proxy(seaweed.endpoint) as proxy:
        node = Node(seaweed, proxy, directory, **settings)
        await node.server.start()
        try:
            yield node
        finally:
            await node.server.kill()


@asynccontextmanager
async def client_of(server: Server) -> AsyncIterator[TusClient]:
    """A client whose every request has its own connection."""
    timeout = aiohttp.ClientTimeout(total=None)
    connector = aiohttp.TCPConnector(force_close=True, limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        yield TusClient(session, server.url)


@asynccontextmanager
async def watched_memory(server: Server) -> AsyncIterator[list[int]]:
    """The server's resident bytes, sampled while the block lasts."""
    samples = [server.rss()]

    async def watch() -> None:
        while True:
            await asyncio.sleep(0.05)
            samples.append(server.rss())

    watching = asyncio.create_task(watch())
    try:
        yield samples
    finally:
        watching.cancel()
        await asyncio.wait([watching])
