"""Rounds of the dashboard through a list that other processes change (`tusd_py/http/dashboard/rounds.py`)."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tusd_py.http.dashboard.rounds import Rounds


class Numbers:
    """A list of numbers, in pages of up to `page`."""

    def __init__(self, count: int, page: int) -> None:
        self.numbers, self.page = list(range(count)), page

    async def read(self, last: int | None, limit: int) -> Sequence[int]:
        return [number for number in self.numbers if last is None or number > last][: min(limit, self.page)]

    async def looks(self, count: int) -> list[list[list[int]]]:
        rounds = Rounds(read=self.read)
        return [[list(page) async for page in rounds.look()] for _ in range(count)]


async def test_pages_of_small_rows_are_the_whole_round() -> None:
    assert await Numbers(3, 100).looks(2) == [[[0, 1, 2], []]] * 2
    assert await Numbers(0, 100).looks(2) == [[[]]] * 2


async def test_a_look_reads_four_pages_at_most() -> None:
    first, second = [[0], [1], [2], [3]], [[4], [5], []]
    assert await Numbers(6, 1).looks(3) == [first, second, first]


@pytest.mark.parametrize("page", [100, 20])
async def test_a_round_ends_after_fifty_rows(page: int) -> None:
    [look] = await Numbers(60, page).looks(1)
    assert [number for numbers in look for number in numbers] == list(range(50))
    assert look[-1] == []
