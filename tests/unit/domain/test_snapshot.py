"""Which of two snapshots of an upload is the newer one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.jobs import job
from tests.support.uploads import upload
from tusd_py.domain.phase import Phase
from tusd_py.domain.snapshot import Snapshot

DONE = Snapshot(upload=upload(revision=5, phase=Phase.DONE), seq=2, end="finished")
A, B = job(1, revision=7), job(2, revision=2)
BOTH = replace(DONE, jobs=(A, B))


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        (BOTH, replace(BOTH, upload=upload(revision=6, phase=Phase.DONE), jobs=())),
        (BOTH, BOTH.ended("terminated")),
        (BOTH, replace(DONE, jobs=(A, replace(B, revision=3)))),
        (BOTH, replace(DONE, jobs=(replace(B, revision=3),))),
        (BOTH, replace(BOTH, settled=True)),
    ],
    ids=["record", "end", "job", "job, another is pruned", "settled"],
)
def test_the_newer_snapshot_follows_the_older(older: Snapshot, newer: Snapshot) -> None:
    assert newer.follows(older)
    assert not older.follows(newer)
    assert not newer.follows(newer)


def test_a_new_job_makes_a_newer_snapshot() -> None:
    assert BOTH.follows(replace(DONE, jobs=(A,), settled=True))


def test_a_pruned_job_makes_no_older_snapshot() -> None:
    assert replace(DONE, jobs=(B,)).follows(BOTH)
    assert replace(DONE, settled=True).follows(BOTH)
