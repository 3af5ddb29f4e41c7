"""The pages in which a feed's events are read from the outbox."""

from __future__ import annotations

import pytest

from tests.support.events import KEPT, created
from tusd_py.backends.memory.state import MemoryState
from tusd_py.domain.rights import Watcher
from tusd_py.live.feed import Choice, read_page

EVERY = Choice(watcher=Watcher(sees_all=True))


@pytest.mark.parametrize(("limit", "size", "expected"), [(100, 1, [1, 2, 3]), (2, 10**6, [2, 3]), (100, 10**6, [3])])
async def test_a_page_after_which_there_may_be_more_is_full(limit: int, size: int, expected: list[int]) -> None:
    """A page is full, so that more events may follow, if it has `limit` events, or events of at least `size`
    characters."""
    state, since, ends = MemoryState(), 0, list[int]()
    await state.outbox.register([KEPT])
    for number in range(3):
        await created(state, number)
    while (page := await read_page(state.outbox, EVERY, since, limit, size)).full:
        since = page.read_to
        ends.append(since)
    assert [*ends, page.read_to][: len(expected)] == expected
    assert page.read_to == 3
