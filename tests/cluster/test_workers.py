"""Two workers of one server, who share a port and SQLite: the kernel picks one for each connection."""

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
from tests.cluster.sleep import asleep
from tests.support.bucket import upload_id
from tests.support.node import Node, client_of, one_node
from tests.support.raw import RawConnection, patching
from tests.support.tus import TusClient

pytestmark = pytest.mark.asyncio(loop_scope="module")

TTL = 4.0
HOLDER = "SELECT process FROM leases WHERE upload_id = ?"


class Workers:
    """A server with two workers."""

    def __init__(self, node: Node, state: Path) -> None:
        self.node = node
        self.state = state

    def holder(self, url: str) -> int:
        """The pid of the worker whose turn it is to write."""
        (leases,) = self.state.parent.glob(f"{self.state.name}.*.leases")
        with closing(sqlite3.connect(leases)) as connection:
            (process,) = connection.execute(HOLDER, (upload_id(url),)).fetchone()
        return int(process.split()[1])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def workers(seaweed: SeaweedFS, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Workers]:
    directory = tmp_path_factory.mktemp("workers")
    async with one_node(seaweed, directory, workers=2, lock_ttl=TTL, part_size=PART) as node:
        yield Workers(node, directory / "state.db")


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
    """The offset, once a worker tells it: connections to a worker that sleeps get no answer."""
    async with asyncio.timeout(30):
        while True:
            with suppress(TimeoutError, aiohttp.ClientError):
                async with asyncio.timeout(1):
                    answer = await client.head(url)
                if answer.status == 200:
                    return answer.offset
                assert answer.status == 423


async def finish(client: TusClient, url: str) -> None:
    """From wherever it is; what went to a worker that sleeps is sent again."""
    while (offset := await turn(client, url)) < len(DATA):
        with suppress(TimeoutError, aiohttp.ClientError):
            async with asyncio.timeout(3):
                await client.patch(url, offset, DATA[offset:])


@pytest.mark.parametrize("method", ["HEAD", "PATCH", "DELETE"])
async def test_a_stalled_writer_makes_way(workers: Workers, client: TusClient, method: str) -> None:
    url = await client.create(len(DATA))
    async with stalled(workers, url) as writer:
        started = time.monotonic()
        match method:
            case "HEAD":
                assert await client.offset(url) == COUNT
            case "PATCH":
                assert (await client.patch(url, COUNT, DATA[COUNT:])).offset == len(DATA)
            case _:
                await client.terminate(url)
        assert time.monotonic() - started < 2
        assert await writer.status() == 423


async def test_a_worker_that_was_killed_is_replaced_at_once(workers: Workers, client: TusClient) -> None:
    url = await client.create(len(DATA))
    async with stalled(workers, url):
        os.kill(workers.holder(url), signal.SIGKILL)
        started = time.monotonic()
        assert await turn(client, url) in (0, PART)
        assert time.monotonic() - started < TTL / 2, "renewed every third, the turn had more than half of its time left"
    await finish(client, url)
    assert await client.content(url) == DATA


async def test_a_slept_worker_harms_no_finished_upload(workers: Workers, client: TusClient) -> None:
    """A worker that slept while the upload was finished harms nothing."""
    url = await client.create(len(DATA))
    async with stalled(workers, url) as writer:
        async with asleep(workers.holder(url), workers.state):
            await finish(client, url)
        reply = b""
        with suppress(ConnectionError):
            reply = await writer.closed()
        assert not reply.startswith(b"HTTP/1.1 2")
    assert await client.content(url) == DATA
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
