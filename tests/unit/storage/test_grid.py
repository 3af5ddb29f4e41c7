"""Bounds of parts."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tusd_py.domain.span import Span
from tusd_py.storage.s3.grid import GIB, MIB, Grid, grid_for
from tusd_py.storage.s3.options import PROFILES, Profile

TIB = 1024 * GIB

grids = st.builds(
    Grid, base=st.integers(1, 20), grows=st.booleans(), largest=st.integers(20, 500), max_parts=st.integers(10, 60)
)
profiles = st.sampled_from(list(PROFILES.values()))


def walk(grid: Grid, parts: int) -> list[Span]:
    """Return the spans of the first `parts` parts, each found at the offset where the one before ends."""
    spans, at = list[Span](), 0
    for number in range(1, parts + 1):
        part_number, span = grid.part_at(at)
        assert part_number == number
        spans.append(span)
        at = span.stop
    return spans


def longest(profile: Profile) -> int:
    return min(profile.max_object, profile.max_parts * profile.max_part)


@given(grids, st.integers(1, 150))
def test_parts_cover_the_bytes_without_gap_or_overlap(grid: Grid, parts: int) -> None:
    spans = walk(grid, parts)
    assert spans[0].start == 0
    assert all(before.stop == after.start for before, after in pairwise(spans))


@given(grids, st.integers(0, 5000))
def test_every_byte_is_found_in_the_part_that_a_walk_comes_by(grid: Grid, offset: int) -> None:
    number, span = 1, grid.part_at(0)[1]
    while span.stop <= offset:
        number, span = number + 1, grid.part_at(span.stop)[1]
    assert grid.part_at(offset) == (number, span)


@given(grids, st.integers(1, 150))
def test_parts_never_get_smaller_or_exceed_the_largest(grid: Grid, parts: int) -> None:
    sizes = [len(span) for span in walk(grid, parts)]
    assert sizes == sorted(sizes)
    assert grid.base == sizes[0]
    assert sizes[-1] <= max(grid.base, grid.largest)


@given(profiles, st.data(), st.sampled_from([5 * MIB, 8 * MIB, 64 * MIB]))
def test_any_declared_length_fits_the_provider(profile: Profile, data: st.DataObject, base: int) -> None:
    length = data.draw(st.integers(1, longest(profile)))
    equal = 64 * MIB if profile.equal_parts else None
    grid = grid_for(length, base=base, max_parts=profile.max_parts, largest=profile.max_part, equal=equal)
    count, span = grid.part_at(length - 1)
    assert count <= profile.max_parts
    assert profile.min_part <= len(span) <= profile.max_part
    if length <= longest(profile) * 98 // 100:
        assert count <= profile.max_parts - profile.max_parts // 100, "there is no margin"


@pytest.mark.parametrize("name", PROFILES)
def test_the_longest_object_of_a_provider_can_be_declared(name: str) -> None:
    profile = PROFILES[name]
    grid = grid_for(longest(profile), base=8 * MIB, max_parts=profile.max_parts, largest=profile.max_part)
    assert grid.part_at(longest(profile) - 1)[0] <= profile.max_parts


@given(st.integers(1, 9900 * 8 * MIB))
def test_a_length_that_fits_gets_parts_of_the_chosen_size(length: int) -> None:
    assert grid_for(length, base=8 * MIB, max_parts=10_000).base == 8 * MIB


@pytest.mark.parametrize(("max_parts", "max_length"), [(10_000, 13 * TIB), (1000, TIB)])
def test_growing_parts_take_terabytes_of_unknown_length(max_parts: int, max_length: int) -> None:
    grid = grid_for(None, base=8 * MIB, max_parts=max_parts)
    number, span = grid.part_at(max_length)
    assert number <= max_parts
    assert len(span) == 5 * GIB


def test_a_small_upload_of_unknown_length_keeps_to_small_parts() -> None:
    number, span = grid_for(None, base=8 * MIB, max_parts=10_000).part_at(7 * GIB)
    assert (number, len(span)) == (897, 8 * MIB)


def test_unknown_length_gets_equal_parts_where_required() -> None:
    grid = grid_for(None, base=8 * MIB, max_parts=10_000, equal=64 * MIB)
    assert {len(grid.part_at(at)[1]) for at in (0, 64 * MIB, GIB, TIB)} == {64 * MIB}


@given(st.none() | st.integers(0, 5 * TIB), st.sampled_from([None, 64 * MIB]))
def test_the_same_upload_always_gets_the_same_grid(length: int | None, equal: int | None) -> None:
    first, second = (grid_for(length, base=8 * MIB, max_parts=10_000, equal=equal) for _ in range(2))
    assert first == second
