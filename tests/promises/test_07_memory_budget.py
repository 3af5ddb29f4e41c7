"""Promise 7: memory is budgeted, disk is not used, and a slow client keeps no other waiting."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from tests.support.node import MIB, Node, watched_memory
from tests.support.raw import patching
from tests.support.tus import TusClient
from tests.support.writing import random_bytes

pytestmark = pytest.mark.asyncio(loop_scope="module")

BUDGET = 64 * MIB
ABOVE = 150 * MIB
"""The most bytes of memory that the server may take on top of its memory budget: for Python, the libraries and the
sockets."""
CLIENTS = 40
LENGTH = 16 * MIB


@pytest.fixture(scope="module")
def settings() -> dict[str, Any]:
    return {"memory_budget": "64MiB"}


async def test_many_at_once_share_the_budget(node: Node, client: TusClient) -> None:
    """Forty requests each send 3 MiB, together nearly twice the budget, and the rest once all have begun: the server's
    memory stays below the budget plus 150 MiB, tails are stored in S3, no temporary file is left, and every byte is
    taken."""
    data, barrier = random_bytes(LENGTH), asyncio.Barrier(CLIENTS)

    async def body() -> AsyncIterator[bytes]:
        yield data[: 3 * MIB]
        await barrier.wait()
        for start in range(3 * MIB, LENGTH, MIB):
            yield data[start : start + MIB]

    async def send(url: str) -> None:
        answer = await client.patch(url, 0, body(), content_length=str(LENGTH))
        assert answer.offset == LENGTH

    urls = [await client.create(LENGTH) for _ in range(CLIENTS)]
    async with watched_memory(node.server) as samples:
        await asyncio.gather(*map(send, urls))
    assert max(samples) < BUDGET + ABOVE
    assert node.s3.counts()["PutObject"] > 0, "there was no need to share"
    assert list(node.temporary.rglob("*")) == []
    for url in urls[:3]:
        assert await client.content(url) == data


async def test_slow_clients_delay_no_other(node: Node, client: TusClient) -> None:
    base, fast = await node.received(), random_bytes(LENGTH)
    async with AsyncExitStack() as stack:
        for _ in range(CLIENTS):
            request = await stack.enter_async_context(patching(await client.create(LENGTH), 0, LENGTH))
            await request.send(bytes(2 * MIB))
        await node.until_received(base + CLIENTS * 2 * MIB)
        started = time.monotonic()
        url = await client.create(LENGTH)
        assert (await client.patch(url, 0, fast)).offset == LENGTH
        assert time.monotonic() - started < 30, "half of network-timeout: none of them is waited for"
    assert await client.content(url) == fast
    await node.until_idle()


async def test_what_was_held_is_given_back(node: Node, client: TusClient) -> None:
    before = await node.server.metric("buffer_bytes")
    url = await client.create(LENGTH)
    await client.patch(url, 0, bytes(3 * MIB))
    await client.terminate(url)
    assert await node.server.metric("buffer_bytes") <= before
