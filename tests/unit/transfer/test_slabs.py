"""Slabs: memory that is lent as views, and is lent again or given back to the system once no view refers to it."""

from __future__ import annotations

import asyncio
import gc
import threading

import pytest

from tusd_py.transfer.budget import Budget
from tusd_py.transfer.slabs import MIN_SLAB, SLAB, Slabs


def test_a_slab_is_lent_again_once_nobody_looks_at_any_of_it() -> None:
    slabs = Slabs(Budget(300 * SLAB))
    view = slabs.lend(SLAB)
    view[:6] = b"abcdef"
    chunk = view[2:4]
    del view
    assert bytes(slabs.lend(SLAB)[:6]) != b"abcdef", "a view still refers to it"
    assert bytes(chunk) == b"cd"
    del chunk
    assert bytes(slabs.lend(SLAB)[:6]) == b"abcdef"


def test_the_last_view_may_go_in_another_thread() -> None:
    slabs = Slabs(Budget(300 * SLAB))
    views = [slabs.lend(SLAB)]
    views[0][:3] = b"abc"
    thread = threading.Thread(target=views.clear)
    thread.start()
    thread.join()
    assert bytes(slabs.lend(SLAB)[:3]) == b"abc"


def test_no_two_lent_slabs_share_a_byte() -> None:
    slabs = Slabs(Budget(300 * SLAB))
    views = [slabs.lend(SLAB) for _ in range(50)]
    for number, view in enumerate(views):
        view[:] = bytes([number]) * SLAB
    assert [set(view) for view in views] == [{number} for number in range(50)]


def test_garbage_collector_returns_lent_slabs() -> None:
    slabs = Slabs(Budget(300 * SLAB))
    for _ in range(10):
        views = [slabs.lend(SLAB) for _ in range(16)]
        gc.collect()
        assert {len(view) for view in views} == {SLAB}
        views.clear()


@pytest.mark.parametrize("budget", [4 * SLAB, 50 * SLAB, 64 * SLAB, 128 * SLAB, 300 * SLAB, 1000 * SLAB])
def test_when_memory_is_short_slabs_are_modest(budget: int) -> None:
    """Large slabs take at most three quarters of the budget in all, and each a 256th of it, or 64 KiB if that is more,
    at most; once no more fit, slabs have `MIN_SLAB` bytes."""
    slabs = Slabs(Budget(budget))
    views = [slabs.lend(SLAB) for _ in range(1000)]
    sizes = [len(view) for view in views]
    assert 64 * 1024 <= max(sizes) <= max(budget // 256, 64 * 1024)
    assert sum(size for size in sizes if size >= 64 * 1024) <= budget * 3 // 4
    assert sizes[-1] == MIN_SLAB


async def test_slabs_are_modest_while_memory_is_short() -> None:
    budget = Budget(300 * SLAB)
    slabs, holder = Slabs(budget), budget.account(lambda: None)
    await holder.acquire(budget.limit)
    waiting = asyncio.create_task(holder.acquire(1))
    await asyncio.sleep(0)
    assert len(slabs.lend(SLAB)) < SLAB / 4
    holder.release(1)
    await waiting
    assert len(slabs.lend(SLAB)) == SLAB


async def test_no_more_lies_unused_than_the_budget_has_left() -> None:
    budget = Budget(1000 * SLAB)
    slabs, holder = Slabs(budget), budget.account(lambda: None)
    views = [slabs.lend(SLAB) for _ in range(400)]
    views.clear()
    slabs.lend(SLAB)
    assert slabs.size >= 400 * SLAB
    await holder.acquire(900 * SLAB)
    views = [slabs.lend(SLAB) for _ in range(400)]
    views.clear()
    slabs.lend(SLAB)
    assert slabs.size <= 110 * SLAB


def test_what_is_not_used_any_more_goes_back_to_the_system() -> None:
    slabs = Slabs(Budget(1000 * SLAB))
    views = [slabs.lend(SLAB) for _ in range(400)]
    slabs.trim()
    assert slabs.size >= 400 * SLAB
    views.clear()
    slabs.trim()
    slabs.trim()
    assert slabs.size == 0
    assert len(slabs.lend(SLAB)) == SLAB


def test_what_comes_and_goes_all_the_time_is_kept() -> None:
    slabs, sizes = Slabs(Budget(1000 * SLAB)), set[int]()
    for _ in range(10):
        views = [slabs.lend(SLAB) for _ in range(40)]
        slabs.trim()
        views.clear()
        slabs.trim()
        sizes.add(slabs.size)
    assert len(sizes) == 1
    assert min(sizes) >= 40 * SLAB


@pytest.mark.parametrize("size", [1, 1000, SLAB // 2, SLAB - 1, SLAB])
def test_as_much_as_was_asked_for_is_lent(size: int) -> None:
    assert len(Slabs(Budget(300 * SLAB)).lend(size)) >= size


def test_many_modest_slabs_leave_no_room_for_large_ones() -> None:
    slabs = Slabs(Budget(64 * SLAB))
    modest = [slabs.lend(16 * 1024) for _ in range(64 * 60)]
    assert [len(slabs.lend(SLAB)) for _ in range(9)][-1] == 256 * 1024, "one arena there always is"
    held_slabs = [slabs.lend(SLAB) for _ in range(100)]
    assert slabs.size <= 2 * SLAB
    assert len(held_slabs[-1]) == MIN_SLAB
    modest.clear()
    held_slabs.extend(slabs.lend(SLAB) for _ in range(100))
    assert slabs.size > 2 * SLAB, "modest ones that are back count no more"


def test_small_requests_get_minimal_slabs_at_half_budget() -> None:
    slabs = Slabs(Budget(64 * SLAB))
    sizes = [len(slabs.lend(64 * 1024)) for _ in range(100)]
    held_slabs = [slabs.lend(64 * 1024) for _ in range(1000)]
    assert set(sizes) == {64 * 1024}
    assert sum(map(len, held_slabs)) <= 32 * SLAB + 500 * MIN_SLAB
    assert len(held_slabs[-1]) == MIN_SLAB


async def test_unused_large_slabs_yield_to_modest_ones() -> None:
    budget = Budget(64 * SLAB)
    slabs = Slabs(budget)
    views = [slabs.lend(SLAB) for _ in range(100)]
    views.clear()
    slabs.lend(SLAB)
    before = slabs.size
    await budget.account(lambda: None).acquire(60 * SLAB)
    slabs.lend(16 * 1024)
    assert slabs.size <= 4 * SLAB < before
