"""The search for the stored parts and segments that hold an upload's bytes without a gap from the first on. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from tusd_py.domain.thresholds import DEFAULT, Thresholds
from tusd_py.storage.s3.cursor import Part
from tusd_py.storage.s3.grid import Grid, grid_for
from tusd_py.storage.s3.options import S3Options


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentRange:
    """A stored segment, and the range of its bytes in the upload."""

    key: str
    start: int
    stop: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Stored bytes of an upload from the first on, without a gap: parts of a grid, then a tail of segments."""

    grid: Grid
    parts: Sequence[Part] = ()
    tail: Sequence[SegmentRange] = ()

    @property
    def stop(self) -> int:
        """The offset at which the bytes end."""
        return self.tail[-1].stop if self.tail else sum(part.length for part in self.parts)


def lay_out(
    parts: Sequence[Part], segments: Sequence[SegmentRange], grids: Iterable[Grid], length: int | None
) -> Layout:
    """Return the longest layout of these parts and segments on one of the grids, the first in case of equals.

    `length` is the upload's, if it is known: only the part that ends there may be smaller than the grid says.
    """
    return max((_on(grid, parts, segments, length) for grid in grids), key=lambda layout: layout.stop)


def likely_grids(
    parts: Sequence[Part], segments: Sequence[SegmentRange], options: S3Options, thresholds: Thresholds = DEFAULT
) -> Sequence[Grid]:
    """Return the grids that an upload without a record may have, if all its parts but the last are full.

    If part 1 is stored, there are two, whose first part has its length. The first grid has growing parts, as these
    allow the longest upload, or equal parts if the provider wants them; the second has equal parts, in case a part
    contradicts the first grid. Else there is one, as for an unknown length: its first part has at least `part_size`
    bytes, and room for the adjacent segments from offset 0 on. Of the thresholds, only `equal_part` counts.
    """
    profile = options.profile
    if parts and parts[0].number == 1:
        equal = Grid(base=parts[0].length, largest=profile.max_part, max_parts=profile.max_parts)
        return [replace(equal, grows=not profile.equal_parts), equal]
    tail = _longest(segments, 0, profile.max_part)
    base = max(options.part_size, tail[-1].stop if tail else 0)
    equal_part = thresholds.equal_part if profile.equal_parts else None
    return [grid_for(None, base=base, max_parts=profile.max_parts, largest=profile.max_part, equal=equal_part)]


def _on(grid: Grid, parts: Sequence[Part], segments: Sequence[SegmentRange], length: int | None) -> Layout:
    matching, at = list[Part](), 0
    for part in parts:
        number, span = grid.part_at(at)
        if part.number != number or (part.length != len(span) and at + part.length != length):
            break
        matching.append(part)
        at += part.length
    _, span = grid.part_at(at)
    return Layout(grid=grid, parts=matching, tail=_longest(segments, at, span.stop))


def _longest(segments: Sequence[SegmentRange], at: int, stop: int) -> list[SegmentRange]:
    """Return a chain of adjacent segments from `at` on that ends nearest to `stop`, but not after it."""
    last_by_stop = dict[int, SegmentRange]()
    for segment in sorted(segments, key=lambda segment: segment.start):
        joins = segment.start == at or segment.start in last_by_stop
        if joins and segment.start < segment.stop <= stop:
            last_by_stop.setdefault(segment.stop, segment)
    chain, end = list[SegmentRange](), max(last_by_stop, default=at)
    while end > at:
        chain.append(last_by_stop[end])
        end = chain[-1].start
    return chain[::-1]
