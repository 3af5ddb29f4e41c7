"""Two workers of one server that share a port and SQLite: the kernel picks a worker for each connection."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing, suppress
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from devtools.seaweed import SeaweedFS
from tests.cluster.fleet import COUNT, DATA, PART
from tests.support.bucket import upload_id
from tests.support.node import Node, client_of, one_node
from tests.support.raw import RawConnection, patching
from tests.support.sleep import asleep
from tests.support.turns import making_way
from tests.support.tus import TusClient

pytestmark = pytest.mark.asyncio(loop_scope="module")

TTL = 30.0
"""Seconds until a lock expires: far longer than a worker needs to start on a busy machine."""
SHORT_TTL = 2.0
"""Seconds until a lock expires, for a test that waits for that."""
HOLDER = "SELECT process FROM leases WHERE upload_id = ?"


class Workers:
    """A server with two workers."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.state = node.state

    def holder(self, url: str) -> int:
        """Return the pid of the worker that holds the upload's lock."""
        (leases,) = self.state.parent.glob(f"{self.state.name}.*.leases")
        with closing(sqlite3.connect(leases)) as connection:
            (process,) = connection.execute(HOLDER, (upload_id(url),)).fetchone()
        return int(process.split()[1])


@asynccontextmanager
async def running(seaweed: SeaweedFS, directory: Path, ttl: float) -> AsyncIterator[Workers]:
    async with one_node(seaweed, directory, workers=2, lock_ttl=ttl, part_size=PART) as node:
        yield Workers(node)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def workers(seaweed: SeaweedFS, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Workers]:
    async with running(seaweed, tmp_path_factory.mktemp("workers"), TTL) as both:
        yield both


@pytest_asyncio.fixture(loop_scope="module")
async def client(workers: Workers) -> AsyncIterator[TusClient]:
    async with client_of(workers.node.server) as talking:
        yield talking


@asynccontextmanager
async def stalled(workers: Workers, url: str) -> AsyncIterator[RawConnection]:
    base = await workers.node.received()
    async with patching(url, 0, len(DATA)) as request:
        await request.send(DATA[:COUNT])
        await workers.node.until_received(base + COUNT)
        yield request


async def turn(client: TusClient, url: str) -> int:
    """Return the offset that HEAD tells, asking for up to 30 seconds while the upload is locked (423) or a sleeping
    worker doesn't answer."""
    async with asyncio.timeout(30):
        while True:
            with suppress(TimeoutError, aiohttp.ClientError):
                async with asyncio.timeout(1):
                    answer = await client.head(url)
                if answer.status == 200:
                    return answer.offset
                assert answer.status == 423


async def finish(client: TusClient, url: str) -> None:
    """Send the rest of `DATA`, the bytes of the upload, from the offset that HEAD tells; if a worker is stopped and
    doesn't answer PATCH within 3 seconds, ask again and send again."""
    while (offset := await turn(client, url)) < len(DATA):
        with suppress(TimeoutError, aiohttp.ClientError):
            async with asyncio.timeout(3):
                await client.patch(url, offset, DATA[offset:])


@pytest.mark.parametrize("method", ["HEAD", "PATCH", "DELETE"])
async def test_a_stalled_writer_makes_way(workers: Workers, client: TusClient, method: str) -> None:
    url = await client.create(len(DATA))
    async with stalled(workers, url) as writer:
        with making_way():
            match method:
                case "HEAD":
                    assert await client.offset(url) == COUNT
                case "PATCH":
                    assert (await client.patch(url, COUNT, DATA[COUNT : COUNT + 1])).offset == COUNT + 1
                case _:
                    await client.terminate(url)
        assert await writer.status() == 423
    if method != "DELETE":
        await finish(client, url)
        assert await client.content(url) == DATA


async def test_a_worker_that_was_killed_is_replaced_at_once(workers: Workers, client: TusClient) -> None:
    url = await client.create(len(DATA))
    async with stalled(workers, url):
        os.kill(workers.holder(url), signal.SIGKILL)
        started = time.monotonic()
        assert await turn(client, url) in (0, PART)
        assert time.monotonic() - started < TTL / 2, "renewed every third, the turn had more than half of its time left"
    await finish(client, url)
    assert await client.content(url) == DATA


async def test_a_slept_worker_harms_no_finished_upload(seaweed: SeaweedFS, tmp_path: Path) -> None:
    """A worker that was stopped (SIGSTOP) while another one finished the upload reports no success once it goes on, and
    changes nothing."""
    async with running(seaweed, tmp_path, SHORT_TTL) as workers, client_of(workers.node.server) as client:
        url = await client.create(len(DATA))
        async with stalled(workers, url) as writer:
            async with asleep(workers.holder(url), workers.state):
                await finish(client, url)
            assert not (await closed(writer)).startswith(b"HTTP/1.1 2")
        assert await client.content(url) == DATA
        await nothing_else_is_left(workers, url)


async def closed(writer: RawConnection) -> bytes:
    """Return what the server still sends to the writer; empty if the connection breaks first."""
    with suppress(ConnectionError):
        return await writer.closed()
    return b""


async def nothing_else_is_left(workers: Workers, url: str) -> None:
    """Run garbage collection, and check that it leaves nothing of the upload in the storage but its object."""
    outcome = await workers.node.server.command("uploads", "collect-garbage")
    assert outcome.code == 0, outcome
    assert [key for key in await workers.node.residue() if upload_id(url) in key] == [upload_id(url)]


async def test_told_to_go_the_workers_save_every_byte_first(workers: Workers, client: TusClient) -> None:
    urls = [await client.create(len(DATA)) for _ in range(4)]
    async with AsyncExitStack() as stack:
        writers = [await stack.enter_async_context(stalled(workers, url)) for url in urls]
        assert await workers.node.server.stop() == 0
        for writer in writers:
            assert await writer.status() == 503
    await workers.node.server.start()
    for url in urls:
        assert await client.offset(url) == COUNT
        assert (await client.patch(url, COUNT, DATA[COUNT:])).offset == len(DATA)
        assert await client.content(url) == DATA
