"""The byte budget: its limit, its queue, and how it makes room."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tusd_py.transfer.budget import Account, Budget

LIMIT = 100


def holder(budget: Budget, spill: Callable[[], None] = lambda: None) -> Account:
    return budget.account(spill)


async def settled() -> None:
    """Let the other tasks go on for ten turns of the event loop, as far as they can without waiting."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_what_fits_is_had_at_once() -> None:
    budget = Budget(LIMIT)
    await holder(budget).acquire(60)
    await holder(budget).acquire(40)
    assert budget.used == LIMIT


async def test_what_does_not_fit_waits_until_there_is_room() -> None:
    budget = Budget(LIMIT)
    first, second = holder(budget), holder(budget)
    await first.acquire(80)
    waiting = asyncio.create_task(second.acquire(30))
    await settled()
    first.release(9)
    await settled()
    assert not waiting.done()
    first.release(1)
    await waiting
    assert (first.held_bytes, second.held_bytes, budget.used) == (70, 30, LIMIT)


async def test_lone_holder_may_exceed_the_limit() -> None:
    budget = Budget(LIMIT)
    first, second = holder(budget), holder(budget)
    await first.acquire(1)
    waiting = asyncio.create_task(second.acquire(3 * LIMIT))
    await settled()
    assert not waiting.done()
    first.close()
    await waiting
    assert budget.used == 3 * LIMIT


async def test_waiters_are_served_in_order() -> None:
    """A smaller request for bytes isn't served before a larger one that came earlier."""
    budget, served = Budget(LIMIT), list[int]()
    first = holder(budget)
    await first.acquire(90)

    async def acquire(size: int) -> None:
        await holder(budget).acquire(size)
        served.append(size)

    tasks = [asyncio.create_task(acquire(size)) for size in (50, 5, 40)]
    await settled()
    assert served == []
    first.close()
    await asyncio.gather(*tasks)
    assert served == [50, 5, 40]


async def test_a_waiter_that_is_cancelled_makes_way_for_the_next() -> None:
    budget = Budget(LIMIT)
    await holder(budget).acquire(90)
    large, small = holder(budget), holder(budget)
    giving_up, next_in_line = asyncio.create_task(large.acquire(50)), asyncio.create_task(small.acquire(10))
    await settled()
    giving_up.cancel()
    await next_in_line
    assert (large.held_bytes, small.held_bytes, budget.used) == (0, 10, LIMIT)


@pytest.mark.parametrize("cancel_first", [True, False])
async def test_cancelled_waiter_holds_nothing(*, cancel_first: bool) -> None:
    """A waiter that is cancelled just before or after its bytes get free holds none, and the next waiter gets them."""
    budget = Budget(LIMIT)
    first, late, after = (holder(budget) for _ in range(3))
    await first.acquire(LIMIT)
    giving_up = asyncio.create_task(late.acquire(LIMIT))
    next_in_line = asyncio.create_task(after.acquire(LIMIT))
    await settled()
    if cancel_first:
        giving_up.cancel()
    first.close()
    giving_up.cancel()
    await next_in_line
    assert giving_up.cancelled()
    assert (late.held_bytes, after.held_bytes, budget.used) == (0, LIMIT, LIMIT)


async def test_the_longest_idle_holder_is_asked_to_put_its_bytes_away() -> None:
    budget, spill_requests = Budget(LIMIT), list[str]()
    accounts = {name: budget.account(_note_spill(spill_requests, name)) for name in ("old", "new")}
    for account in accounts.values():
        await account.acquire(50)
    waiting = asyncio.create_task(holder(budget).acquire(20))
    await settled()
    assert spill_requests[0] == "old"
    accounts["old"].close()
    await waiting


async def test_a_holder_that_is_sending_is_not_asked() -> None:
    budget, spill_requests = Budget(LIMIT), list[str]()
    busy, idle = (budget.account(_note_spill(spill_requests, name)) for name in ("busy", "idle"))
    await busy.acquire(20)
    busy.sending(20)
    await idle.acquire(80)
    waiting = asyncio.create_task(holder(budget).acquire(60))
    await settled()
    assert spill_requests == ["idle"]
    idle.close()
    await waiting


async def test_a_part_of_the_budget_is_kept_clear_of_what_lies_idle() -> None:
    """Once less than a quarter of the budget is free or about to be, the holders whose bytes have been idle for longest
    are asked to spill. If they were asked only when it is full, a fast writer would have to wait for many of them."""
    budget, spill_requests = Budget(LIMIT), list[Account]()

    def asked_to_spill(number: int) -> None:
        spill_requests.append(accounts[number])
        accounts[number].sending(5)

    accounts = [budget.account(partial(asked_to_spill, number)) for number in range(LIMIT // 5)]
    for account in accounts:
        await account.acquire(5)
    assert spill_requests == accounts[:5]
    waiting = asyncio.create_task(holder(budget).acquire(5))
    await settled()
    assert spill_requests == accounts[:6]
    spill_requests[0].close()
    await waiting


async def test_nobody_is_asked_on_its_own_account_while_there_is_room() -> None:
    budget, spill_requests = Budget(LIMIT), list[str]()
    alone = budget.account(_note_spill(spill_requests, "alone"))
    for _ in range(LIMIT):
        await alone.acquire(1)
    assert spill_requests == []


async def test_nobody_is_asked_when_enough_is_on_its_way_already() -> None:
    budget, spill_requests = Budget(LIMIT), list[str]()
    busy, idle = (budget.account(_note_spill(spill_requests, name)) for name in ("busy", "idle"))
    await busy.acquire(50)
    busy.sending(50)
    await idle.acquire(50)
    waiting = asyncio.create_task(holder(budget).acquire(25))
    await settled()
    assert spill_requests == []
    busy.close()
    await waiting


async def test_caches_give_way_before_anybody_is_asked() -> None:
    budget, spill_requests, cached = Budget(LIMIT), list[str](), [40]
    budget.reclaim_from(lambda _: cached.pop() if cached else 0)
    await budget.account(_note_spill(spill_requests, "idle")).acquire(60)
    assert budget.try_charge(40)
    await holder(budget).acquire(15)
    assert (spill_requests, cached, budget.used) == ([], [], 75)


async def test_a_cache_never_takes_room_that_is_not_spare() -> None:
    budget = Budget(LIMIT)
    account = holder(budget)
    await account.acquire(90)
    assert not budget.try_charge(11)
    waiting = asyncio.create_task(holder(budget).acquire(20))
    await settled()
    assert not budget.try_charge(1), "another holder waits for it"
    account.close()
    await waiting


def _note_spill(spill_requests: list[str], name: str) -> Callable[[], None]:
    return lambda: spill_requests.append(name)


class Writer:
    """A holder of bytes that works like a writer of parts: it sends its idle bytes once they fill a part, and spills
    them when it is asked to.

    Once it has acquired all of its bytes, or at its end, it sets `through`; then it stays, with the remaining bytes
    idle, until `let_go` is set.
    """

    def __init__(self, budget: Budget) -> None:
        self._budget, self._turn, self._tasks = budget, asyncio.Lock(), asyncio.TaskGroup()
        self._account = budget.account(self._spill_soon)
        self.through = asyncio.Event()

    async def run(self, sizes: list[int], part: int, let_go: asyncio.Event) -> None:
        try:
            async with self._tasks:
                for size in sizes:
                    await self._write(size, part)
                self.through.set()
                await let_go.wait()
        finally:
            self._account.close()
            self.through.set()

    async def _write(self, size: int, part: int) -> None:
        await self._account.acquire(size)
        assert self._budget.used <= LIMIT
        async with self._turn:
            if (idle := self._account.idle) >= part:
                await self._send(idle)

    async def _send(self, size: int) -> None:
        self._account.sending(size)
        await asyncio.sleep(0)
        self._account.sending(-size)
        self._account.release(size)

    def _spill_soon(self) -> None:
        counted = self._account.idle
        self._account.sending(counted)
        self._tasks.create_task(self._spill(counted))

    async def _spill(self, counted: int) -> None:
        async with self._turn:
            await asyncio.sleep(0)
        self._account.sending(-counted)
        self._account.release(counted)


schedules = st.lists(st.tuples(st.lists(st.integers(1, 60), max_size=12), st.integers(1, 120)), max_size=6)


@settings(deadline=None)
@given(schedules, st.sets(st.integers(0, 5)), st.integers(0, 5))
async def test_spilling_holders_all_finish(
    schedules: list[tuple[list[int], int]], given_up: set[int], after: int
) -> None:
    """Writers that spill when asked all finish, even if some are cancelled, and leave nothing in the budget."""
    budget, let_go = Budget(LIMIT), asyncio.Event()
    writers = [Writer(budget) for _ in schedules]
    runs = [
        asyncio.create_task(writer.run(sizes, part, let_go))
        for writer, (sizes, part) in zip(writers, schedules, strict=True)
    ]
    for _ in range(after):
        await asyncio.sleep(0)
    for index in given_up & set(range(len(runs))):
        runs[index].cancel()
    await _through(writers, runs)
    let_go.set()
    for outcome in await asyncio.gather(*runs, return_exceptions=True):
        assert outcome is None or isinstance(outcome, asyncio.CancelledError)
    assert budget.used == 0


async def _through(writers: list[Writer], runs: list[asyncio.Task[None]]) -> None:
    async with asyncio.timeout(5):
        for writer, run in zip(writers, runs, strict=True):
            await asyncio.wait([asyncio.ensure_future(writer.through.wait()), run], return_when=asyncio.FIRST_COMPLETED)
