"""A limit on the bytes that holders of one kind may have together (`Share`), a fraction of the memory budget: the bytes
of each holder (a holding) count in the share and in the budget, there at most a quarter of it for each holding.
They are given back once."""

from __future__ import annotations

import asyncio

import pytest

from tusd_py.transfer.budget import Budget
from tusd_py.transfer.budget_share import _PIECE, Holding, Share


async def steps() -> None:
    """Let the other tasks go on for five turns of the event loop, as far as they can without waiting."""
    for _ in range(5):
        await asyncio.sleep(0)


def acquire(holding: Holding, size: int) -> asyncio.Task[None]:
    return asyncio.create_task(holding.acquire(size))


@pytest.fixture
def budget() -> Budget:
    return Budget(1000)


@pytest.fixture
def share(budget: Budget) -> Share:
    return Share(budget, 10)


async def test_a_share_is_the_budgets_too_and_comes_back_to_both(budget: Budget, share: Share) -> None:
    async with share.hold(60) as holding:
        assert (share.used, budget.used, holding.held_bytes) == (60, 60, 60)
        holding.release(20)
        assert (share.used, budget.used, holding.held_bytes) == (40, 40, 40)
    assert (share.used, budget.used) == (0, 0)


async def test_waiter_for_the_share_holds_no_budget(budget: Budget, share: Share) -> None:
    async with share.hold(100):
        second = share.holding()
        waiting = acquire(second, 1)
        await steps()
        assert (waiting.done(), budget.used) == (False, 100)
    await waiting
    assert (share.used, budget.used) == (1, 1)
    second.close()
    assert (share.used, budget.used) == (0, 0)


@pytest.mark.parametrize("late", [False, True], ids=["while it waits", "as its turn comes"])
async def test_who_leaves_while_it_waits_holds_nothing(budget: Budget, share: Share, *, late: bool) -> None:
    first, second = share.holding(), share.holding()
    await first.acquire(100)
    waiting = acquire(second, 100)
    await steps()
    if late:
        first.close()
    waiting.cancel()
    await asyncio.wait([waiting])
    second.close()
    if not late:
        first.close()
    assert waiting.cancelled()
    assert (share.used, budget.used) == (0, 0)
    await asyncio.wait_for(share.holding().acquire(100), 1)


@pytest.mark.parametrize("late", [False, True], ids=["while it waits", "as its turn comes"])
async def test_cancelled_waiter_frees_its_share(budget: Budget, share: Share, *, late: bool) -> None:
    other_account = budget.account(lambda: None)
    await other_account.acquire(1000)
    holding = share.holding()
    waiting = acquire(holding, 100)
    await steps()
    assert share.used == 100
    if late:
        other_account.close()
    waiting.cancel()
    await asyncio.wait([waiting])
    holding.close()
    other_account.close()
    assert (share.used, budget.used) == (0, 0)


async def test_what_is_closed_as_its_turn_comes_is_given_back_once(budget: Budget, share: Share) -> None:
    """If a wait for bytes is cancelled just as they get free, and its holding is closed before the cancelled task has
    ended, as at a lost connection, the bytes are given back once, and none stay used."""
    first, second = share.holding(), share.holding()
    await first.acquire(100)
    waiting = acquire(second, 100)
    await steps()
    first.close()
    waiting.cancel()
    second.close()
    await asyncio.wait([waiting])
    assert (share.used, budget.used) == (0, 0)


async def test_bytes_are_asked_for_only_where_their_holder_waits(budget: Budget, share: Share) -> None:
    first, second, event = share.holding(), share.holding(), asyncio.Event()
    await first.acquire(100)
    waiting = acquire(second, 1)
    await steps()
    assert not waiting.done()
    idle = asyncio.create_task(first.unless_claimed(_of(event)))
    assert await idle is False
    first.close()
    await waiting
    second.close()
    assert (share.used, budget.used) == (0, 0)


async def test_who_waits_for_nothing_in_particular_keeps_its_bytes(budget: Budget, share: Share) -> None:
    holding, event = share.holding(), asyncio.Event()
    await holding.acquire(100)
    idle = asyncio.create_task(holding.unless_claimed(_of(event)))
    await steps()
    event.set()
    assert await idle is True
    other_holding = share.holding()
    waiting = acquire(other_holding, 1)
    await steps()
    assert (waiting.done(), holding.held_bytes) == (False, 100)
    holding.close()
    await waiting
    other_holding.close()
    assert (share.used, budget.used) == (0, 0)


async def test_claim_at_the_event_counts_once(budget: Budget, share: Share) -> None:
    """`Holding.unless_claimed`, which waits for an event unless other holdings need the bytes, returns False if one
    asks for bytes that aren't free in the turn of the event loop in which the event comes, and again when called again.
    The bytes count as being sent only once, and none do after both holdings are closed."""
    holding, event, other_holding = share.holding(), asyncio.Event(), share.holding()
    await holding.acquire(100)
    idle = asyncio.create_task(holding.unless_claimed(_of(event)))
    await steps()
    waiting = acquire(other_holding, 1)  # which is the first to go on
    event.set()
    assert await idle is False, "its bytes are promised to another"
    assert await holding.unless_claimed(_of(event)) is False
    assert budget._sending == 100
    holding.close()
    await waiting
    other_holding.close()
    assert (share.used, budget.used, budget._sending) == (0, 0, 0)


async def test_bytes_that_are_kept_after_a_claim_are_in_use(budget: Budget, share: Share) -> None:
    holding, event, other_holding = share.holding(), asyncio.Event(), share.holding()
    await holding.acquire(100)
    idle = asyncio.create_task(holding.unless_claimed(_of(event)))
    await steps()
    waiting = acquire(other_holding, 1)
    assert await idle is False
    holding.release(20)
    holding.keep()
    assert (holding.held_bytes, budget._sending) == (80, 0)
    assert await holding.unless_claimed(asyncio.sleep(0)) is True
    holding.close()
    await waiting
    other_holding.close()
    assert (share.used, budget.used, budget._sending) == (0, 0, 0)


async def _of(event: asyncio.Event) -> None:
    await event.wait()


async def test_bytes_are_claimed_only_after_a_while(share: Share) -> None:
    holding, other_holding = share.holding(), share.holding()
    await holding.acquire(100)
    idle = asyncio.create_task(holding.unless_claimed(asyncio.Event().wait(), after=0.1))
    waiting = acquire(other_holding, 1)
    await asyncio.sleep(0.05)
    assert not idle.done()
    assert await idle is False
    holding.close()
    await waiting
    other_holding.close()


async def test_one_who_waits_for_much_leaves_the_free_bytes_to_others() -> None:
    budget = Budget(100 * _PIECE)
    upload, other_upload, holding = (
        budget.account(lambda: None),
        budget.account(lambda: None),
        Share(budget, 2).holding(),
    )
    await upload.acquire(99 * _PIECE)
    waiting = acquire(holding, 20 * _PIECE)
    await steps()
    other_waiting = asyncio.create_task(other_upload.acquire(_PIECE))
    upload.release(2 * _PIECE)
    await steps()
    assert (waiting.done(), other_waiting.done()) == (False, True)
    waiting.cancel()
    await asyncio.wait([waiting])


async def test_a_holding_takes_a_quarter_of_the_budget_at_most(budget: Budget) -> None:
    holding = Share(budget, 1).holding()
    await holding.acquire(900)
    assert budget.used == 250
    holding.release(800)
    assert budget.used == 0
