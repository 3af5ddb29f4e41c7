"""Plans that make finished objects the parts of another."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
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
        for each in part:
            assert each.span.start == at[each.source]
            at[each.source] = each.span.stop
            order.append(each.source)
    assert list(at.values()) == lengths
    assert order == sorted(order)


@given(lengths, profiles)
def test_every_part_is_one_the_provider_takes(lengths: list[int], profile: Profile) -> None:
    found = sizes(plan_parts(lengths, profile))
    assert len(found) <= profile.max_parts
    assert all(profile.min_part <= size for size in found[:-1])
    assert all(0 < size <= profile.max_part for size in found)
    if profile.equal_parts:
        assert len(set(found[:-1])) <= 1
        assert found[-1:] <= found[:1]


@given(lengths, profiles.filter(lambda profile: not profile.equal_parts))
def test_all_but_what_small_neighbours_need_is_copied(lengths: list[int], profile: Profile) -> None:
    parts = plan_parts(lengths, profile)
    sent = sum(len(each) for part in parts if len(part) > 1 for each in part)
    small = sum(length < 2 * profile.min_part for length in lengths)
    assert sent <= small * 3 * profile.min_part
    if min(lengths, default=0) >= profile.min_part:
        assert sent == 0
