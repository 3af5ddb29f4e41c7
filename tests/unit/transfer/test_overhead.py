"""The memory that bodies take in addition to their bytes is charged to the memory budget without a wait, up to half of
it, and released at each body's end: an upload that waits for budget then goes on."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack

from tusd_py.transfer.budget import Budget
from tusd_py.transfer.overhead import Overhead

KIB = 1024
LIMIT = 1024 * KIB


async def test_what_a_body_takes_is_counted_while_it_comes() -> None:
    budget = Budget(LIMIT)
    with Overhead(budget).charge_body():
        assert budget.used == 96 * KIB
    assert budget.used == 0


async def test_a_crowd_leaves_half_of_the_budget_to_its_bytes() -> None:
    budget = Budget(LIMIT)
    overhead = Overhead(budget)
    with ExitStack() as bodies:
        for _ in range(50):
            bodies.enter_context(overhead.charge_body())
        assert budget.used == LIMIT // 2
    assert budget.used == 0


async def test_overhead_admits_an_oversized_claim() -> None:
    budget = Budget(LIMIT)
    account = budget.account(lambda: None)
    with Overhead(budget).charge_body():
        await account.acquire(2 * LIMIT)
        account.close()
    assert budget.used == 0


async def test_an_upload_that_waits_goes_on_once_a_body_is_through() -> None:
    budget = Budget(LIMIT)
    first, second = (budget.account(lambda: None, busy=True) for _ in range(2))
    overhead = Overhead(budget)
    await first.acquire(LIMIT - 96 * KIB)
    with overhead.charge_body():
        coming = asyncio.create_task(second.acquire(1))
        await asyncio.sleep(0)
        assert not coming.done()
    await coming
    first.close()
    second.close()
