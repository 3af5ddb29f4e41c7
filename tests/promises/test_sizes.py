"""Uploads of every size arrive as they were sent."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest

from tests.support.node import MIB, PART, Node, watched_memory
from tests.support.tus import TusClient
from tests.support.writing import random_bytes

pytestmark = pytest.mark.asyncio(loop_scope="module")

BUDGET = 256 * MIB
ABOVE = 150 * MIB
HUGE = 6 * 1024 * MIB
BLOCK = random_bytes(MIB - 1)


@pytest.mark.parametrize("size", [0, 1, PART - 1, PART, PART + 1, 2 * PART + 3])
async def test_every_byte_arrives(node: Node, client: TusClient, size: int) -> None:
    data = random_bytes(size)
    url = await client.create(size)
    if size:
        assert (await client.patch(url, 0, data)).offset == size
    assert await client.offset(url) == size
    assert await node.object_size(url) == size
    assert await client.content(url) == data


@pytest.mark.parametrize("size", [0, 1, PART, PART + 1])
async def test_every_byte_of_a_deferred_length_arrives(client: TusClient, size: int) -> None:
    data = random_bytes(size)
    url = await client.create(None)
    assert (await client.patch(url, 0, data, upload_length=str(size))).offset == size
    assert await client.content(url) == data


@pytest.mark.huge
@pytest.mark.timeout(3600)
async def test_a_huge_upload_takes_no_more_memory_than_a_small_one(node: Node, client: TusClient) -> None:
    url, sent_digest, got = await client.create(HUGE), hashlib.sha256(), hashlib.sha256()

    async def body() -> AsyncIterator[bytes]:
        for block in _blocks(HUGE):
            sent_digest.update(block)
            yield block

    async with watched_memory(node.server) as samples:
        assert (await client.patch(url, 0, body(), content_length=str(HUGE))).offset == HUGE
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as session,
            session.get(url) as answer,
        ):
            async for chunk in answer.content.iter_chunked(MIB):
                got.update(chunk)
    print(f"at most {max(samples) // MIB} MiB of memory")
    assert got.digest() == sent_digest.digest()
    assert max(samples) < BUDGET + ABOVE


def _blocks(size: int) -> Iterator[bytes]:
    """Yield `size` bytes in blocks that differ: each begins with its offset, and a part's length is no multiple of a
    block's, so that none can be mistaken for another."""
    for start in range(0, size, len(BLOCK)):
        block = start.to_bytes(8, "big") + BLOCK[8:]
        yield block[: size - start]
