"""Heads of requests that are as long as allowed, or longer, and don't end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from devtools.seaweed import SeaweedFS
from tests.load.measuring import MIB, measured
from tests.support.node import client_of, watched_memory
from tests.support.raw import RawConnection, connected

BUDGET = 32 * MIB
COUNT = 100
FIELD = b"X-A: " + bytes(250_000).replace(b"\0", b"a") + b"\r\n"
FIELDS = 100
_SECONDS = 6.0
BEGUN = b"GET /files/ HTTP/1.1\r\nHost: localhost\r\n"


async def _pour(connection: RawConnection, fields: int) -> None:
    """Send the beginning of a request's head: `fields` header fields of 250 kB each, and no empty line to end it.
    Return early if the server closes the connection."""
    try:
        await connection.send(BEGUN)
        for _ in range(fields):
            await connection.send(FIELD)
    except ConnectionError:
        return  # the server has heard enough


@asynccontextmanager
async def pouring(port: int, fields: Sequence[int]) -> AsyncIterator[None]:
    """While the block lasts, run one client for each number in `fields`, which sends so many header fields of 250 kB in
    a head that doesn't end."""
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as group:
        connections = [await stack.enter_async_context(connected(port)) for _ in fields]
        tasks = [group.create_task(_pour(*pair)) for pair in zip(connections, fields, strict=True)]
        yield
        for task in tasks:
            task.cancel()


@pytest.mark.timeout(300)
async def test_large_heads_stay_within_the_budget(
    seaweed: SeaweedFS, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with capsys.disabled():
        print()
        async with measured(seaweed, tmp_path, BUDGET) as place, client_of(place.server) as client:
            heads = pouring(place.server.port, [1, FIELDS] * (COUNT // 2))
            async with watched_memory(place.server) as samples, heads:
                await asyncio.sleep(_SECONDS)
                url = await client.create(5)
                assert (await client.patch(url, 0, b"hello")).status == 204
            place.check(samples, COUNT)
            await place.check_given_back(COUNT)
