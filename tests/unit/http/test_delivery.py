"""A download holds a window of memory while its bytes move, and no more than that however its client behaves."""

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
    """A client that takes as many bytes as it wants."""

    def __init__(self, wanted: int = SIZE) -> None:
        self.got = bytearray()
        self._wanted = wanted
        self._more, self.asked = asyncio.Event(), asyncio.Event()
        self._gone = False

    def offer(self, chunk: Chunk) -> int:
        if self._gone:
            raise ConnectionResetError
        taken = bytes(chunk[: min(self._wanted, 50_000)])
        self._wanted -= len(taken)
        self.got += taken
        return len(taken)

    async def writable(self) -> None:
        self.asked.set()
        if not self._wanted and not self._gone:
            self._more.clear()
            await self._more.wait()

    def want(self, more: int) -> None:
        self._wanted += more
        self._more.set()

    def leave(self) -> None:
        self._gone = True
        self._more.set()


class Place:
    """A server with memory for one download."""

    def __init__(self) -> None:
        self.harness = Harness()
        self.budget = Budget(4 * WINDOW)
        self.downloads = Share(self.budget, 4)
        self.sent = 0
        self.begun = 0
        self.patience = 60.0

    async def delivery(self, data: bytes, reader: Reader) -> Delivery:
        async def begin() -> Reader:
            self.begun += 1
            return reader

        upload = await stored(self.harness.storage, data)
        parts = {
            "engine": self.harness.engine,
            "downloads": self.downloads,
            "metrics": self,
            "network_timeout": self.patience,
        }
        context = cast("Context", SimpleNamespace(**parts))
        return Delivery(context, upload, Span(0, len(data)), begin)

    def bytes_sent(self, count: int) -> None:
        self.sent += count

    @property
    def held(self) -> tuple[int, int]:
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
    assert (bytes(reader.got), place.sent, place.begun, place.held) == (data, SIZE, 1, (0, 0))


async def test_an_empty_download_begins_all_the_same(place: Place) -> None:
    await (await place.delivery(b"", Reader())).run()
    assert (place.begun, place.held) == (1, (0, 0))


async def test_stalled_client_keeps_an_unclaimed_window(place: Place) -> None:
    data, reader = random_bytes(SIZE), Reader(100_000)
    running = asyncio.create_task((await place.delivery(data, reader)).run())
    await reader.asked.wait()
    await asyncio.sleep(0.05)
    assert place.held == (WINDOW, WINDOW)
    reader.want(SIZE)
    await running
    assert (bytes(reader.got), place.held) == (data, (0, 0))


async def test_claimed_window_moves_and_download_resumes(place: Place) -> None:
    """A stalled client gives its window to another client, and continues later."""
    data, other = random_bytes(SIZE), random_bytes(1000)
    reader, quick = Reader(100_000), Reader()
    running = asyncio.create_task((await place.delivery(data, reader)).run())
    await reader.asked.wait()
    await (await place.delivery(other, quick)).run()
    assert bytes(quick.got) == other
    await asyncio.sleep(0.05)
    assert (running.done(), place.held) == (False, (0, 0)), "a stalled client holds nothing"
    reader.want(SIZE)
    await running
    assert (bytes(reader.got), place.held) == (data, (0, 0))


async def test_a_client_that_leaves_gives_its_window_back(place: Place) -> None:
    reader = Reader(100_000)
    running = asyncio.create_task((await place.delivery(random_bytes(SIZE), reader)).run())
    await reader.asked.wait()
    reader.leave()
    with pytest.raises(ConnectionResetError):
        await running
    assert place.held == (0, 0)


async def test_download_without_window_is_unavailable(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client is refused with a later retry, and holds nothing."""
    monkeypatch.setattr(delivery, "_MEMORY_TIMEOUT", 0.05)
    async with place.downloads.hold(WINDOW):
        reader = Reader()
        with pytest.raises(ServiceUnavailable):
            await (await place.delivery(random_bytes(SIZE), reader)).run()
        assert (place.begun, place.held) == (0, (WINDOW, WINDOW))
    assert place.held == (0, 0)


async def test_a_download_that_is_ended_while_it_waits_keeps_no_place(place: Place) -> None:
    others = place.budget.account(lambda: None)
    await others.acquire(place.budget.limit)
    running = asyncio.create_task((await place.delivery(random_bytes(SIZE), Reader())).run())
    while place.downloads.used == 0:  # noqa: ASYNC110 (it has its place in the share at once)
        await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait([running])
    others.close()
    assert place.held == (0, 0)


async def test_a_client_that_takes_nothing_for_long_is_given_up(place: Place) -> None:
    place.patience = 0.05
    with pytest.raises(Unread):
        await (await place.delivery(random_bytes(SIZE), Reader(100_000))).run()
    assert place.held == (0, 0)


async def test_one_that_lost_its_window_meanwhile_is_given_up_too(place: Place) -> None:
    place.patience = 0.5
    running = asyncio.create_task((await place.delivery(random_bytes(SIZE), Reader(100_000))).run())
    reader = Reader()
    await (await place.delivery(random_bytes(SIZE), reader)).run()
    with pytest.raises(Unread):
        await running
    assert place.held == (0, 0)
