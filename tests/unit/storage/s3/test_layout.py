"""The parts and segments of an upload in a bucket, put in order: its bytes from the first on up to a gap, and none
beyond it."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from tusd_py.storage.s3.cursor import Part
from tusd_py.storage.s3.grid import MIB, Grid, grid_for
from tusd_py.storage.s3.layout import SegmentRange, lay_out, likely_grids
from tusd_py.storage.s3.options import PROFILES, Profile, S3Options

OPTIONS = S3Options(bucket="uploads")
SMALL = S3Options(bucket="uploads", part_size=8, profile=Profile(min_part=1, max_part=512, max_parts=100))


def full_parts(grid: Grid, count: int) -> list[Part]:
    parts, at = list[Part](), 0
    for _ in range(count):
        number, span = grid.part_at(at)
        parts.append(Part(number=number, length=len(span), etag=f"etag-{number}"))
        at = span.stop
    return parts


def segments(*spans: tuple[int, int]) -> list[SegmentRange]:
    return [SegmentRange(key=f"tail-{start}-{stop}", start=start, stop=stop) for start, stop in spans]


def keys(ranges: list[SegmentRange]) -> list[str]:
    return [segment.key for segment in ranges]


@given(
    length=st.none() | st.integers(100, 700),
    count=st.integers(1, 60),
    missing=st.sets(st.integers(1, 60), max_size=2),
    cuts=st.lists(st.integers(1, 7), max_size=4),
    seed=st.integers(0, 99),
)
def test_stored_bytes_end_at_the_first_gap(
    length: int | None, count: int, missing: set[int], cuts: list[int], seed: int
) -> None:
    """On any grid, the stored bytes are the parts before the first missing one, and the segments that follow these
    without a gap."""
    grid = grid_for(length, base=8, max_parts=100, largest=512)
    parts = full_parts(grid, count)
    expected_parts = parts[: min(missing, default=count + 1) - 1]
    at = sum(part.length for part in expected_parts)
    tail, end = list[tuple[int, int]](), at
    for cut in cuts:
        if end + cut <= grid.part_at(at)[1].stop:
            tail.append((end, end + cut))
            end += cut
    Random(seed).shuffle(tail)
    present_parts = [part for part in parts if part.number not in missing]
    layout = lay_out(present_parts, segments(*tail), likely_grids(present_parts, segments(*tail), SMALL), None)
    assert (list(layout.parts), layout.stop) == (expected_parts, end)


@given(count=st.integers(1, 99))
def test_an_upload_can_grow_on_the_grid_that_was_found(count: int) -> None:
    """For full parts of a growing grid, and for equal ones, a grid is found on which the next part begins where the
    stored bytes end, and which holds at least 100 parts of the first one's length."""
    for grid in (grid_for(None, base=8, max_parts=100, largest=512), Grid(base=8, largest=512, max_parts=100)):
        parts = full_parts(grid, count)
        layout = lay_out(parts, [], likely_grids(parts, [], SMALL), None)
        number, span = layout.grid.part_at(layout.stop)
        assert (number, span.start) == (count + 1, layout.stop)
        assert layout.grid.max_length >= 100 * 8


def test_equal_parts_suggest_the_growing_grid_first() -> None:
    """Equal parts fit a growing grid and an equal one: the growing one comes first, as it can hold more bytes, unless
    the provider requires equal parts."""
    parts = full_parts(Grid(base=8 * MIB), 3)
    assert [grid.grows for grid in likely_grids(parts, [], OPTIONS)] == [True, False]


def test_where_parts_must_be_equal_they_stay_so() -> None:
    options = S3Options(bucket="uploads", profile=PROFILES["r2"])
    parts = full_parts(Grid(base=8 * MIB), 3)
    assert not any(grid.grows for grid in likely_grids(parts, [], options))


def test_a_tail_longer_than_our_parts_came_from_longer_ones() -> None:
    tail = segments((0, 20 * MIB))
    (grid,) = likely_grids([], tail, OPTIONS)
    assert lay_out([], tail, [grid], None).stop == 20 * MIB


def test_the_longest_of_several_chains_counts() -> None:
    """If joined segments, their sources and a dead writer's segments overlap, the chain that reaches farthest
    counts."""
    layout = lay_out([], segments((0, 3), (3, 5), (0, 5), (5, 6), (3, 4), (7, 9)), [Grid(base=8)], None)
    assert layout.stop == 6


def test_thousands_of_segments_are_chained_in_no_time() -> None:
    """A chain of 5000 segments, each stored twice, as retries leave them, is found among 2 to the power of 5000
    chains."""
    layout = lay_out([], segments(*[(at, at + 1) for at in range(5000) for _ in range(2)]), [Grid(base=8000)], None)
    assert [segment.start for segment in layout.tail] == list(range(5000))


def test_a_short_part_counts_only_as_the_declared_end() -> None:
    parts = [*full_parts(Grid(base=8), 2), Part(number=3, length=4, etag="last")]
    assert lay_out(parts, [], [Grid(base=8)], 20).stop == 20
    assert lay_out(parts, segments((16, 18)), [Grid(base=8)], None).stop == 18
    assert lay_out(parts, [], [Grid(base=8)], 21).stop == 16


def test_segments_of_what_is_in_parts_already_are_passed_over() -> None:
    layout = lay_out(full_parts(Grid(base=8), 1), segments((0, 5), (8, 9)), [Grid(base=8)], None)
    assert keys(list(layout.tail)) == ["tail-8-9"]
