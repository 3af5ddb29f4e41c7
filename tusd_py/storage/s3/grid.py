"""The sizes of parts: every part's range is a pure function of its number and the upload's grid.

A part that is sent twice, by a retry or by a writer that lost its lock, therefore always has the same range.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, repeat

from tusd_py.domain.span import Span

MIB = 1024 * 1024
GIB = 1024 * MIB

_GROWTH = ((10, 1), (20, 2), (20, 8), (25, 64))
"""The steps of growing parts: percent of `max_parts`, and size in multiples of `base`, but at most `largest`. The parts
after these steps have `largest` bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """The part sizes of one upload, in bytes. Part numbers start at 1."""

    base: int
    grows: bool = False
    """True if the parts get larger, so that a great length fits into `max_parts`: for an upload whose length is unknown
    at first, unless its provider requires parts of one size."""
    largest: int = 5 * GIB
    max_parts: int = 10_000

    @property
    def as_json(self) -> Mapping[str, int]:
        """The grid as JSON for a cursor."""
        return {"base": self.base, "grows": self.grows, "largest": self.largest, "max_parts": self.max_parts}

    def part_at(self, offset: int) -> tuple[int, Span]:
        """Return the number and range of the part that holds the byte at `offset`."""
        number, start = 1, 0
        for count, size in self._steps():
            skipped = (offset - start) // size
            if count is None or skipped < count:
                begin = start + skipped * size
                return number + skipped, Span(begin, begin + size)
            number, start = number + count, start + count * size
        raise AssertionError("the last step has no end")

    @property
    def max_length(self) -> int:
        """The most bytes that fit into `max_parts` parts."""
        end, remaining = 0, self.max_parts
        for count, size in self._steps():
            parts = remaining if count is None else min(count, remaining)
            end, remaining = end + parts * size, remaining - parts
        return end

    def _steps(self) -> Iterator[tuple[int | None, int]]:
        if not self.grows:
            return iter([(None, self.base)])
        growing = ((self.max_parts * share // 100, min(self.base * times, self.largest)) for share, times in _GROWTH)
        return chain(growing, repeat((None, self.largest), 1))


def grid_for(
    length: int | None, *, base: int, max_parts: int, largest: int = 5 * GIB, equal: int | None = None
) -> Grid:
    """Return the grid of a new upload, whose parts have `largest` bytes at most; the caller gives no larger `base` or
    `equal`.

    A known length gets equal parts of `base` bytes or, if these would be more than 99 % of `max_parts`, of the fewest
    whole MiB that avoid this. An unknown length gets parts that grow from `base` bytes on; with `equal`, for a provider
    that requires one size, parts of `base` bytes, or of `equal` bytes if that is more.
    """
    if length is None:
        base = base if equal is None else max(base, equal)
        return Grid(base=base, grows=equal is None, largest=largest, max_parts=max_parts)
    min_size = -(-length // (max_parts - max_parts // 100))
    base = base if min_size <= base else min(-(-min_size // MIB) * MIB, largest)
    return Grid(base=base, largest=largest, max_parts=max_parts)
