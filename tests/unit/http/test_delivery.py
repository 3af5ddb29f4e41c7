"""A download holds memory for one window of 128 KiB while its bytes move, and no more however its client behaves."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import cast

import pytest

from tests.support.harness import Harness
from tests.support.writing import random_bytes, stored
from tusd_py.domain.refusals import ServiceUnavailable
from tusd_py.domain.span import Span
from tusd_py.http.context import Context
from tusd_py.http.handlers import delivery
from tusd_py.http.handlers.delivery import Delivery, Unread
from tusd_py.ports.body import Chunk
from tusd_py.transfer.budget import Budget
from tusd_py.transfer.budget_share import Share

WINDOW = delivery._WINDOW
SIZE = 300_000


class Reader:
    """A client that takes `demand` bytes, and as many more as `want` is called for; after `leave`, it is gone."""

    def __init__(self, demand: int = SIZE) -> None:
        self.got = bytearray()
        self._demand = demand
        self._demand_event, self.blocked = asyncio.Event(), asyncio.Event()
        self._closed = False

    def offer(self, chunk: Chunk) -> int:
        if self._closed:
            raise ConnectionResetError
        piece = bytes(chunk[: min(self._demand, 50_000)])
        self._demand -= len(piece)
        self.got += piece
        return len(piece)

    async def writable(self) -> None:
        self.blocked.set()
        if not self._demand and not self._closed:
            self._demand_event.clear()
            await self._demand_event.wait()

    def want(self, count: int) -> None:
        self._demand += count
        self._demand_event.set()

    def leave(self) -> None:
        self._closed = True
        self._demand_event.set()


class Place:
    """A server with memory for one download."""

    def __init__(self) -> None:
        self.harness = Harness()
        self.budget = Budget(4 * WINDOW)
        self.downloads = Share(self.budget, 4)
        self.sent_bytes = 0
        self.beginnings = 0
        self.patience = 60.0

    async def delivery(self, data: bytes, reader: Reader) -> Delivery:
        async def begin() -> Reader:
            self.beginnings += 1
            return reader

        upload = await stored(self.harness.storage, data)
        parts = {
            "engine": self.harness.engine,
            "memory": SimpleNamespace(downloads=self.downloads),
            "metrics": self,
            "network_timeout": self.patience,
        }
        context = cast("Context", SimpleNamespace(**parts))
        return Delivery(context, upload, Span(0, len(data)), begin)

    def bytes_sent(self, count: int) -> None:
        self.sent_bytes += count

    @property
    def used(self) -> tuple[int, int]:
        return self.downloads.used, self.budget.used


@pytest.fixture(autouse=True)
def stalled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "_STALLED", 0.01)


@pytest.fixture
def place() -> Place:
    return Place()


async def test_a_client_that_reads_gets_all_and_leaves_nothing(place: Place) -> None:
    data, reader = random_bytes(SIZE), Reader()
    await (await place.delivery(data, reader)).run()
    assert (bytes(reader.got), place.sent_bytes, place.beginnings, place.used) == (data, SIZE, 1, (0, 0))


async def test_an_empty_download_begins_all_the_same(place: Place) -> None:
    await (await place.delivery(b"", Reader())).run()
    assert (place.beginnings, place.used) == (1, (0, 0))


async def test_stalled_client_keeps_an_unclaimed_window(place: Place) -> None:
    data, reader = random_bytes(SIZE), Reader(100_000)
    running = asyncio.create_task((await place.delivery(data, reader)).run())
    await reader.blocked.wait()
    await asyncio.sleep(0.05)
    assert place.used == (WINDOW, WINDOW)
    reader.want(SIZE)
    await running
    assert (bytes(reader.got), place.used) == (data, (0, 0))


async def test_claimed_window_moves_and_download_resumes(place: Place) -> None:
    """A download whose client takes nothing gives its memory to another download that needs it, and goes on once its
    client reads."""
    data, other_data = random_bytes(SIZE), random_bytes(1000)
    reader, quick = Reader(100_000), Reader()
    running = asyncio.create_task((await place.delivery(data, reader)).run())
    await reader.blocked.wait()
    await (await place.delivery(other_data, quick)).run()
    assert bytes(quick.got) == other_data
    await asyncio.sleep(0.05)
    assert (running.done(), place.used) == (False, (0, 0)), "a stalled client holds nothing"
    reader.want(SIZE)
    await running
    assert (bytes(reader.got), place.used) == (data, (0, 0))


async def test_a_client_that_leaves_gives_its_window_back(place: Place) -> None:
    reader = Reader(100_000)
    running = asyncio.create_task((await place.delivery(random_bytes(SIZE), reader)).run())
    await reader.blocked.wait()
    reader.leave()
    with pytest.raises(ConnectionResetError):
        await running
    assert place.used == (0, 0)


async def test_download_without_window_is_unavailable(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A download that gets no memory in time raises ServiceUnavailable before it begins, and holds none."""
    monkeypatch.setattr(delivery, "_MEMORY_TIMEOUT", 0.05)
    async with place.downloads.hold(WINDOW):
        reader = Reader()
        with pytest.raises(ServiceUnavailable):
            await (await place.delivery(random_bytes(SIZE), reader)).run()
        assert (place.beginnings, place.used) == (0, (WINDOW, WINDOW))
    assert place.used == (0, 0)


async def test_a_download_that_is_ended_while_it_waits_keeps_no_place(place: Place) -> None:
    other_account = place.budget.account(lambda: None)
    await other_account.acquire(place.budget.limit)
    running = asyncio.create_task((await place.delivery(random_bytes(SIZE), Reader())).run())
    while place.downloads.used == 0:  # noqa: ASYNC110 (it has its place in the share at once)
        await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait([running])
    other_account.close()
    assert place.used == (0, 0)


async def test_a_client_that_takes_nothing_for_long_is_given_up(place: Place) -> None:
    place.patience = 0.05
    with pytest.raises(Unread):
        await (await place.delivery(random_bytes(SIZE), Reader(100_000))).run()
    assert place.used == (0, 0)


async def test_one_that_lost_its_window_meanwhile_is_given_up_too(place: Place) -> None:
    place.patience = 0.5
    running = asyncio.create_task((await place.delivery(random_bytes(SIZE), Reader(100_000))).run())
    reader = Reader()
    await (await place.delivery(random_bytes(SIZE), reader)).run()
    with pytest.raises(Unread):
        await running
    assert place.used == (0, 0)
