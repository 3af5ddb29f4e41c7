"""Where one part ends and the next begins: for every upload a pure function of the part number.

A part that is sent twice, by a retry or by a writer that lost its turn, so always covers the same range.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, repeat

from tusd_py.domain.upload import Span

MIB = 1024 * 1024
GIB = 1024 * MIB

_GROWTH = ((10, 1), (20, 2), (20, 8), (25, 64))
"""How many of a hundred parts have how many times the base size; any after them has the largest size there is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Part numbers count from 1. Sizes are bytes."""

    base: int
    grows: bool = False
    """For an upload of unknown length: parts get larger so that any length fits the limit on their number."""
    largest: int = 5 * GIB
    max_parts: int = 10_000

    def part_at(self, offset: int) -> tuple[int, Span]:
        """The number and range of the part that holds the byte at `offset`."""
        number, start = 1, 0
        for count, size in self._steps():
            skipped = (offset - start) // size
            if count is None or skipped < count:
                begin = start + skipped * size
                return number + skipped, Span(begin, begin + size)
            number, start = number + count, start + count * size
        raise AssertionError("the last step has no end")

    @property
    def reach(self) -> int:
        """Where the last of `max_parts` parts ends."""
        end, left = 0, self.max_parts
        for count, size in self._steps():
            taken = left if count is None else min(count, left)
            end, left = end + taken * size, left - taken
        return end

    def _steps(self) -> Iterator[tuple[int | None, int]]:
        if not self.grows:
            return iter([(None, self.base)])
        growing = ((self.max_parts * share // 100, min(self.base * times, self.largest)) for share, times in _GROWTH)
        return chain(growing, repeat((None, self.largest), 1))


def grid_for(
    length: int | None, *, base: int, max_parts: int, largest: int = 5 * GIB, equal: int | None = None
) -> Grid:
    """The grid of a new upload.

    A known length gets the smallest equal parts, from `base` up, that leave a margin below `max_parts`. An unknown one
    gets growing parts; where the provider wants them `equal`, parts of at least so many bytes.
    """
    if length is None:
        base = base if equal is None else max(base, equal)
        return Grid(base=base, grows=equal is None, largest=largest, max_parts=max_parts)
    least = -(-length // (max_parts - max_parts // 100))
    base = base if least <= base else min(-(-least // MIB) * MIB, largest)
    return Grid(base=base, largest=largest, max_parts=max_parts)
