"""Tails kept in memory go when it is short: the longest unused first, and no more of them than are needed."""

from __future__ import annotations

import pytest

from tests.support.uploads import upload
from tusd_py.storage.s3.cursor import Segment
from tusd_py.storage.s3.pieces import Assembly
from tusd_py.storage.s3.tails import TailCache
from tusd_py.transfer.budget import Budget

IDS = [upload(number).id for number in range(3)]


def kept_ids(tails: TailCache) -> list[str]:
    return list(tails._assemblies)


def filled(length: int) -> Assembly:
    assembly = Assembly(())
    assembly.add(bytes(length))
    assembly.merge(16)
    assembly.pieces[-1].mark_stored("key")
    return assembly


def test_reclaim_evicts_the_oldest_tails_needed() -> None:
    tails = TailCache(Budget(1000))
    for upload_id in IDS:
        tails.keep(upload_id, filled(10))
    assert kept_ids(tails) == IDS
    assert tails._reclaim(10) == 10
    assert kept_ids(tails) == IDS[1:]
    assert tails._reclaim(11) == 20
    assert kept_ids(tails) == []
    assert tails._reclaim(1) == 0


@pytest.mark.parametrize(("stored", "length"), [(0, 10), (10, 10), (11, 10)])
def test_what_must_mostly_be_read_again_is_not_kept(stored: int, length: int) -> None:
    budget = Budget(1000)
    tails, part = TailCache(budget), Assembly([Segment(key="old", length=stored, crc=0)] if stored else ())
    part.add(bytes(length))
    part.pieces[-1].mark_stored("new")
    tails.keep(IDS[0], part)
    worth = stored <= length
    assert (kept_ids(tails), budget.used) == ((IDS[:1], length) if worth else ([], 0))
