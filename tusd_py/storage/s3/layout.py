"""Which of the parts and segments that lie in a bucket follow each other from the first byte on. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from tusd_py.domain.thresholds import DEFAULT, Thresholds
from tusd_py.storage.s3.cursor import Part
from tusd_py.storage.s3.grid import Grid, grid_for
from tusd_py.storage.s3.options import S3Options


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A stored segment: where its bytes begin and end in the upload."""

    key: str
    start: int
    stop: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The bytes of an upload without a gap, as parts of this grid and a tail."""

    grid: Grid
    parts: Sequence[Part] = ()
    tail: Sequence[Stretch] = ()

    @property
    def stop(self) -> int:
        """Where they end."""
        return self.tail[-1].stop if self.tail else sum(part.length for part in self.parts)


def lay_out(parts: Sequence[Part], segments: Sequence[Stretch], grids: Iterable[Grid], length: int | None) -> Layout:
    """The longest there is; of equals, on the first of the grids."""
    return max((_on(grid, parts, segments, length) for grid in grids), key=lambda layout: layout.stop)


def likely_grids(
    parts: Sequence[Part], segments: Sequence[Stretch], options: S3Options, thresholds: Thresholds = DEFAULT
) -> Sequence[Grid]:
    """The grids an upload may have that nothing else is known of. All parts but the last are full.

    A growing one comes first: as long as no part contradicts it, it reaches farthest.
    """
    profile = options.profile
    if parts and parts[0].number == 1:
        equal = Grid(base=parts[0].length, largest=profile.max_part, max_parts=profile.max_parts)
        return [replace(equal, grows=not profile.equal_parts), equal]
    tail = _longest(segments, 0, profile.max_part)
    base = max(options.part_size, tail[-1].stop if tail else 0)
    least = thresholds.equal_part if profile.equal_parts else None
    return [grid_for(None, base=base, max_parts=profile.max_parts, largest=profile.max_part, equal=least)]


def _on(grid: Grid, parts: Sequence[Part], segments: Sequence[Stretch], length: int | None) -> Layout:
    kept, at = list[Part](), 0
    for part in parts:
        number, span = grid.part_at(at)
        if part.number != number or (part.length != len(span) and at + part.length != length):
            break
        kept.append(part)
        at += part.length
    _, span = grid.part_at(at)
    return Layout(grid=grid, parts=kept, tail=_longest(segments, at, span.stop))


def _longest(segments: Sequence[Stretch], at: int, stop: int) -> list[Stretch]:
    """Of those that follow each other from `at` on, the ones that get nearest to `stop`."""
    fitting = [segment for segment in segments if segment.start == at and at < segment.stop <= stop]
    chains = [[segment, *_longest(segments, segment.stop, stop)] for segment in fitting]
    return max(chains, key=lambda chain: chain[-1].stop, default=[])
