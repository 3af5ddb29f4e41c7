"""The C library's heap is trimmed once usage has fallen enough below its peak, and once more after that, but at most
once in 5 s (`Heap`)."""

from __future__ import annotations

from tusd_py.transfer.heap import Heap


class Watched:
    """A `Heap` with one gauge of usage, whose value is an argument of `look`, and of which a fall from its peak by less
    than 16 doesn't count; `look` returns the number of trims so far."""

    def __init__(self) -> None:
        self.value = self.trims = 0
        self.heap = Heap({lambda: self.value: 16}, self._trim)

    def look(self, value: int, now: float) -> int:
        self.value = value
        self.heap.look(now)
        return self.trims

    def _trim(self) -> None:
        self.trims += 1


def test_a_crowd_that_has_gone_is_followed_by_a_trim() -> None:
    watched = Watched()
    assert watched.look(100, 10) == 0
    assert watched.look(60, 11) == 0, "most of them are there"
    assert watched.look(40, 12) == 1


def test_a_few_that_come_and_go_cost_nothing() -> None:
    watched = Watched()
    assert [watched.look(value, 10 + at) for at, value in enumerate([10, 0, 15, 0, 8])] == [0] * 5


def test_trims_end_after_the_last_body() -> None:
    watched = Watched()
    assert watched.look(100, 10) == 0
    assert watched.look(40, 11) == 1
    assert watched.look(0, 12) == 1, "trims have some seconds between them"
    assert watched.look(0, 17) == 2
    assert watched.look(0, 23) == 3, "what was left the last time may have gone by now"
    assert watched.look(0, 30) == 3
