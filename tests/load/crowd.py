"""Many slow clients and a fast one, in a separate process: `python -m tests.load.crowd URL COUNT RATE SECONDS`.

URL is the creation endpoint; COUNT slow clients send RATE bytes a second each, for SECONDS. Writes one JSON object, the
fields of `Report`, on stdout.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass

import aiohttp

from tests.support.raw import RawConnection, patching
from tests.support.tus import TusClient

MIB = 1024 * 1024
LENGTH = 16 * MIB
FAST = 1024 * 64 * MIB
PIECES_A_SECOND = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Offsets and speeds that the clients saw. Bytes, and bytes a second."""

    offsets: Sequence[int]
    """Offsets of the slow uploads, as HEAD tells them after the clients were stopped."""
    alone: float
    """Speed of a fast upload before the slow clients began."""
    among: float
    """Speed of a fast upload, in bytes a second, during the second half of the slow clients' time."""


async def slow(url: str, rate: int, began: asyncio.Barrier) -> None:
    """Send the head of a PATCH, wait at the barrier `began`, then send `rate` bytes a second, or as many as the server
    reads if those are fewer, until cancelled."""
    piece = bytes(rate // PIECES_A_SECOND)
    async with patching(url, 0, LENGTH) as request:
        await began.wait()
        due = time.monotonic()
        while True:
            await request.send(piece)
            due += 1 / PIECES_A_SECOND
            await asyncio.sleep(due - time.monotonic())


@asynccontextmanager
async def crowd(urls: Sequence[str], rate: int) -> AsyncIterator[None]:
    """Send `rate` bytes a second to each of the uploads, in one PATCH, while the block lasts; the block begins once the
    heads of all requests have been sent."""
    began = asyncio.Barrier(len(urls) + 1)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(slow(url, rate, began)) for url in urls]
        await began.wait()
        yield
        for task in tasks:
            task.cancel()


async def fast(request: RawConnection) -> None:
    while True:
        await request.send(bytes(MIB))


async def speed(client: TusClient, seconds: float) -> float:
    """PATCH one upload as fast as possible for `seconds`. Return its speed in bytes a second, by the offset that HEAD
    tells afterwards."""
    url, started = await client.create(FAST), time.monotonic()
    async with patching(url, 0, FAST) as request:
        with suppress(TimeoutError):
            await asyncio.wait_for(fast(request), seconds)
        offset = await reached(client, url)
        took = time.monotonic() - started
    await client.terminate(url)
    return offset / took


async def reached(client: TusClient, url: str) -> int:
    """Send HEAD again and again while it is answered 423. Return the offset; fail if the final status isn't 200."""
    while (answer := await client.head(url)).status == 423:  # noqa: ASYNC110 (only asking tells)
        await asyncio.sleep(0.1)
    assert answer.status == 200, answer
    return answer.offset


async def run(url: str, count: int, rate: int, seconds: int) -> Report:
    connector = aiohttp.TCPConnector(limit=8, force_close=True)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=None)) as session:
        client = TusClient(session, url)
        alone = await speed(client, seconds / 4)
        urls = [await client.create(LENGTH) for _ in range(count)]
        async with crowd(urls, rate):
            await asyncio.sleep(seconds / 2)
            among = await speed(client, seconds / 2)
        offsets = await asyncio.gather(*(reached(client, upload_url) for upload_url in urls))
        return Report(offsets=offsets, alone=alone, among=among)


if __name__ == "__main__":
    where, *numbers = sys.argv[1:]
    print(json.dumps(asdict(asyncio.run(run(where, *map(int, numbers))))))
