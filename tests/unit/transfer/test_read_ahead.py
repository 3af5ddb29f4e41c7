"""Reading ahead (`ReadAhead`), in simulated time, from an S3 that sends 80 MB/s on each connection, by readers of
several rates."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from tests.simulation.loop import SimulatedLoop
from tusd_py.domain.errors import UploadLost
from tusd_py.domain.span import Span
from tusd_py.domain.thresholds import DEFAULT
from tusd_py.storage.s3.grid import MIB
from tusd_py.tasks import end
from tusd_py.transfer.budget import Budget
from tusd_py.transfer.read_ahead import ReadAhead

SIZE = 100 * MIB + 12345
RATE = 80e6
"""Bytes a second of each connection."""


class Store:
    """An object whose bytes count from 0 to 255 again and again. `fetch` yields chunks of up to 1 MiB, at `RATE`; it
    raises UploadLost in place of a chunk that begins at `lost_at` or later. `requests`, `open` and `most_open` count
    all fetches, those that run, and the most at a time."""

    def __init__(self, size: int = SIZE, *, lost_at: int | None = None, closing: float = 0.0) -> None:
        self.data = bytes(range(256)) * (size // 256 + 1)
        self.data = self.data[:size]
        self.open = self.most_open = self.requests = 0
        self._lost_at = lost_at
        self._closing = closing
        """The seconds that a connection takes to close."""

    async def fetch(self, span: Span, *, wide: bool) -> AsyncGenerator[bytes, None]:  # noqa: ARG002 (as any fetch)
        self.requests += 1
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            for at in range(span.start, span.stop, MIB):
                stop = min(at + MIB, span.stop)
                await asyncio.sleep((stop - at) / RATE)
                if self._lost_at is not None and at >= self._lost_at:
                    raise UploadLost("gone")
                yield self.data[at:stop]
        finally:
            try:
                await asyncio.sleep(self._closing)
            finally:
                self.open -= 1


async def download(ahead: ReadAhead, store: Store, span: Span, rate: float = 1e9) -> bytes:
    got = bytearray()
    async with aclosing(ahead.read(store.fetch, span)) as chunks:
        async for chunk in chunks:
            got += chunk
            await asyncio.sleep(len(chunk) / rate)
    return bytes(got)


@pytest.mark.parametrize("rate", [1e7, 7e7, 1e8, 2e8, 1e9, 1e12])
@pytest.mark.parametrize("span", [Span(0, SIZE), Span(1, SIZE - 1), Span(SIZE // 2, SIZE), Span(5, 6)])
@pytest.mark.parametrize("limit", [0, 100 * MIB, 1024 * MIB])
def test_whoever_reads_gets_the_bytes_and_the_memory_comes_back(rate: float, span: Span, limit: int) -> None:
    store, budget = Store(), Budget(limit)
    with SimulatedLoop() as loop:
        got = loop.run_until_complete(download(ReadAhead(budget), store, span, rate))
    assert got == store.data[span.start : span.stop]
    assert (budget.used, store.open) == (0, 0)


def test_fast_reader_exceeds_one_connections_rate() -> None:
    store = Store(3 * SIZE)
    with SimulatedLoop() as loop:
        loop.run_until_complete(download(ReadAhead(Budget(256 * MIB)), store, Span(0, 3 * SIZE)))
        seconds = loop.time()
    assert store.most_open == 4
    assert 3 * SIZE / seconds > 2 * RATE


@pytest.mark.parametrize("rate", [1e6, RATE / 2])
def test_slow_reader_needs_one_request(rate: float) -> None:
    store = Store()
    with SimulatedLoop() as loop:
        loop.run_until_complete(download(ReadAhead(Budget(256 * MIB)), store, Span(0, SIZE), rate))
    assert store.requests == 1


def test_who_gets_slow_holds_little() -> None:
    store, budget = Store(), Budget(256 * MIB)

    async def read() -> int:
        async with aclosing(ReadAhead(budget).read(store.fetch, Span(0, SIZE))) as chunks:
            at = 0
            async for chunk in chunks:
                at += len(chunk)
                await asyncio.sleep(0 if at < 40 * MIB else 1)
                if at > 70 * MIB:
                    return budget.used
        return -1

    with SimulatedLoop() as loop:
        assert 0 < loop.run_until_complete(read()) <= 2 * DEFAULT.read_range
    assert (budget.used, store.open) == (0, 0), "and leaves nothing behind"


def test_all_readers_together_take_an_eighth_of_the_budget() -> None:
    budget, most_used = Budget(256 * MIB), 0

    async def read_all() -> None:
        nonlocal most_used
        ahead = ReadAhead(budget)
        readers = [asyncio.create_task(download(ahead, Store(), Span(0, SIZE))) for _ in range(10)]
        while not all(reader.done() for reader in readers):
            most_used = max(most_used, budget.used)
            await asyncio.sleep(0.01)
        await asyncio.gather(*readers)

    with SimulatedLoop() as loop:
        loop.run_until_complete(read_all())
    assert most_used == 32 * MIB


@pytest.mark.parametrize("at", [0, 20 * MIB, 50 * MIB, 100 * MIB])
def test_what_is_lost_on_the_way_is_said(at: int) -> None:
    store, budget = Store(lost_at=at), Budget(256 * MIB)
    with SimulatedLoop() as loop, pytest.raises(UploadLost):
        loop.run_until_complete(download(ReadAhead(budget), store, Span(0, SIZE)))
    assert (budget.used, store.open) == (0, 0)


def test_a_reader_cancelled_twice_gives_its_memory_back() -> None:
    store, budget = Store(closing=0.25), Budget(256 * MIB)

    async def cancel() -> None:
        reader = asyncio.create_task(download(ReadAhead(budget), store, Span(0, SIZE)))
        await asyncio.sleep(0.7)
        assert budget.used == 32 * MIB
        await end(reader)

    with SimulatedLoop() as loop:
        loop.run_until_complete(cancel())
    assert (budget.used, store.open) == (0, 0)
