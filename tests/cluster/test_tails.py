"""Many small requests: memory keeps only a copy of their bytes, which may get lost at any moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio

from devtools.redis import RedisServer
from devtools.seaweed import SeaweedFS
from tests.cluster.conftest import KINDS
from tests.cluster.fleet import MIB, PART, Fleet, running_fleet
from tests.support.fixtures_redis import emptied
from tests.support.node import client_of
from tests.support.tus import TusClient
from tests.support.writing import random_bytes

pytestmark = pytest.mark.asyncio(loop_scope="module")

PIECE = 100 * 1024
TAILS = (1, 3, 16, 17, 31, 32, 33, 40)
"""The number of requests that each upload gets before the copy of its tail in memory is lost: fewer than, as many as
and more than a tail may have segments (32)."""
Lose = Callable[[Fleet, TusClient], Awaitable[TusClient]]
LENGTHS = {"a part and more": PART + MIB, "less than a part": 45 * PIECE + 7}


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=KINDS)
async def running(
    request: pytest.FixtureRequest, seaweed: SeaweedFS, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Fleet]:
    """A fleet of two nodes, first on Redis, then on SQLite, with the smallest memory budget that the settings allow."""
    redis = None
    if "redis" in request.param:
        server = request.getfixturevalue("redis_running")
        assert isinstance(server, RedisServer)
        redis = emptied(server)
    async with running_fleet(seaweed, tmp_path_factory.mktemp("fleet"), 2, redis, memory_budget="32MiB") as fleet:
        yield fleet


async def carry(client: TusClient, url: str, data: bytes, start: int, stop: int) -> None:
    """Send `data[start:stop]` in PATCH requests of 100 KiB (`PIECE`), the last perhaps shorter, and check that each
    answers 204."""
    for at in range(start, stop, PIECE):
        answer = await client.patch(url, at, data[at : min(at + PIECE, stop)])
        assert answer.status == 204, (at, answer)


async def restart(fleet: Fleet, first: TusClient) -> TusClient:
    await fleet.first.kill()
    await fleet.first.start()
    return first


async def move(fleet: Fleet, _: TusClient) -> TusClient:
    """Return the client of the fleet that sends each request to a random node: another node has no copy of the tail in
    its memory."""
    return fleet.anyone


async def squeeze(_: Fleet, first: TusClient) -> TusClient:
    """Create and terminate an upload that needs all the memory budget, so that none is left for copies of tails; return
    `first`."""
    big = random_bytes(40 * MIB)
    url = await first.create(len(big), big)
    await first.terminate(url)
    return first


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("lose", [restart, move, squeeze])
async def test_small_requests_survive_a_lost_memory_copy(fleet: Fleet, lose: Lose, length: str) -> None:
    """Uploads sent in small requests become whole objects though the copy of their tail in memory gets lost in
    between."""
    data = random_bytes(LENGTHS[length])
    async with client_of(fleet.first) as first:
        urls = [await first.create(len(data)) for _ in TAILS]
        before = [tails * PIECE for tails in TAILS]
        await asyncio.gather(*(carry(first, url, data, 0, at) for url, at in zip(urls, before, strict=True)))
        client = await lose(fleet, first)
        moved = [client.url + url.rpartition("/")[2] for url in urls]
        await asyncio.gather(*(carry(client, url, data, at, len(data)) for url, at in zip(moved, before, strict=True)))
        for url in moved:
            assert await client.content(url) == data
            await client.terminate(url)
