"""Plans that make finished objects the parts of another."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import example, given
from hypothesis import strategies as st

from tusd_py.storage.s3.concat_plan import PlannedPart, plan_parts
from tusd_py.storage.s3.grid import GIB, MIB
from tusd_py.storage.s3.options import PROFILES, Profile

profiles = st.sampled_from(list(PROFILES.values()))
lengths = st.lists(st.integers(0, 20 * MIB) | st.integers(0, 100 * GIB), max_size=40)


def sizes(parts: Sequence[PlannedPart]) -> list[int]:
    return [sum(map(len, part)) for part in parts]


@given(lengths, profiles)
def test_the_parts_are_the_sources_in_order(lengths: list[int], profile: Profile) -> None:
    at = dict.fromkeys(range(len(lengths)), 0)
    order = []
    for part in plan_parts(lengths, profile):
        for source in part:
            assert source.span.start == at[source.source]
            at[source.source] = source.span.stop
            order.append(source.source)
    assert list(at.values()) == lengths
    assert order == sorted(order)


@given(lengths, profiles)
def test_every_part_is_one_the_provider_takes(lengths: list[int], profile: Profile) -> None:
    part_sizes = sizes(plan_parts(lengths, profile))
    assert len(part_sizes) <= profile.max_parts
    assert all(profile.min_part <= size for size in part_sizes[:-1])
    assert all(0 < size <= profile.max_part for size in part_sizes)
    if profile.equal_parts:
        assert len(set(part_sizes[:-1])) <= 1
        assert part_sizes[-1:] <= part_sizes[:1]


@given(lengths, profiles.filter(lambda profile: not profile.equal_parts))
def test_all_but_what_small_neighbours_need_is_copied(lengths: list[int], profile: Profile) -> None:
    parts = plan_parts(lengths, profile)
    sent_bytes = sum(len(source) for part in parts if len(part) > 1 for source in part)
    small = sum(length < 2 * profile.min_part for length in lengths)
    assert sent_bytes <= small * 3 * profile.min_part
    if min(lengths, default=0) >= profile.min_part:
        assert sent_bytes == 0


@given(st.lists(st.integers(0, 20 * MIB) | st.just(6 * MIB), max_size=60), st.sampled_from([2, 12, 40]))
@example([6 * MIB] * 39 + [1200 * MIB], 40)
def test_sources_as_many_as_parts_are_within_the_limit(lengths: list[int], limit: int) -> None:
    profile = Profile(max_parts=limit)
    parts = plan_parts(lengths, profile)
    assert sum(sizes(parts)) == sum(lengths)
    assert len(parts) <= limit
    assert all(profile.min_part <= size <= profile.max_part for size in sizes(parts)[:-1])


def test_sources_that_fit_into_parts_are_all_copied() -> None:
    """If a provider allows as many parts as there are sources, and parts of different sizes, each part is copied from
    one source, even if the longest source needs larger parts for that. No source is too short or too long for a
    part."""
    parts = plan_parts([6 * MIB] * 999 + [1200 * MIB], PROFILES["scaleway"])
    assert len(parts) <= PROFILES["scaleway"].max_parts
    assert {len(part) for part in parts} == {1}
