"""The plan by which finished objects become the parts of a new object. Does no I/O."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from tusd_py.domain.span import Span
from tusd_py.domain.thresholds import DEFAULT, Thresholds
from tusd_py.storage.s3.options import Profile


@dataclass(frozen=True, slots=True)
class Slice:
    """A range of the bytes of one source object."""

    source: int
    """The index of the source object."""
    span: Span

    def __len__(self) -> int:
        return len(self.span)


PlannedPart = tuple[Slice, ...]
"""The slices of a part, in order. A single one is copied inside S3; several are read and sent again."""


def plan_parts(lengths: Sequence[int], profile: Profile, thresholds: Thresholds = DEFAULT) -> list[PlannedPart]:
    """Return the parts, from number 1 on, whose bytes in order are those of sources of these lengths. No part but
    the last is below the provider's minimum.

    As much as possible is copied inside S3. If the provider takes parts of different sizes, only sources too
    small for a part are read and sent again, with bytes of the sources after them: those that fill up the part, and
    those that remain of a source then, if too few for another part. If the provider wants equal parts, or there would
    be too many parts at any size, each part with bytes of several sources is read and sent again.
    """
    total = sum(lengths)
    if not profile.equal_parts:
        for size in _doubled(_size(total, thresholds.copy, profile), profile.max_part):
            parts = list(_aligned(lengths, profile.min_part, size))
            if len(parts) <= profile.max_parts:
                return parts
    return list(_equal(lengths, _size(total, thresholds.equal_copy, profile)))


def _doubled(size: int, largest: int) -> Iterator[int]:
    """Yield `size` and its doubles below `largest`, then `largest`: the larger the parts, the fewer a source needs."""
    while size < largest:
        yield size
        size *= 2
    yield largest


def _size(total: int, base: int, profile: Profile) -> int:
    """Return the size in bytes of the parts of `total` bytes: `base`, or a larger one if the parts would be more than
    half as many as the provider allows; at most the provider's largest part."""
    return min(max(base, -(-2 * total // profile.max_parts)), profile.max_part)


def _equal(lengths: Sequence[int], size: int) -> Iterator[PlannedPart]:
    part: list[Slice] = []
    for source, length in enumerate(lengths):
        at = 0
        while at < length:
            take = min(length - at, size - sum(map(len, part)))
            part.append(Slice(source, Span(at, at + take)))
            at += take
            if sum(map(len, part)) == size:
                yield tuple(part)
                part = []
    if part:
        yield tuple(part)


def _aligned(lengths: Sequence[int], min_size: int, max_size: int) -> Iterator[PlannedPart]:
    gathered: list[Slice] = []
    for source, length in enumerate(lengths):
        at = 0
        if gathered:
            at = min(length, min_size - sum(map(len, gathered)))
            if length - at < min_size:
                at = length
            gathered.append(Slice(source, Span(0, at)))
            if sum(map(len, gathered)) >= min_size:
                yield tuple(gathered)
                gathered = []
        if 0 < length - at < min_size:
            gathered.append(Slice(source, Span(at, length)))
        elif at < length:
            yield from _copies(source, Span(at, length), max_size)
    if gathered:
        yield tuple(gathered)


def _copies(source: int, span: Span, max_size: int) -> Iterator[PlannedPart]:
    """Yield parts of one slice each, together the span of the source with this index. They have nearly equal lengths,
    of at most `max_size`: so no small rest, below the provider's minimum, is left at the end."""
    count = -(-len(span) // max_size)
    edges = [span.start + len(span) * index // count for index in range(count + 1)]
    for start, stop in pairwise(edges):
        yield (Slice(source, Span(start, stop)),)
