"""Listeners of a finished upload while its ended jobs are pruned, or while it has more jobs than a snapshot may
have."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.jobs import ended, ended_job, job
from tests.support.uploads import upload
from tusd_py.backends.memory.state import MemoryState
from tusd_py.domain.phase import Phase
from tusd_py.domain.snapshot import Snapshot
from tusd_py.live import reader
from tusd_py.live.hub import Topic
from tusd_py.live.reader import SnapshotReader

ID = upload().id
DONE = Snapshot(upload=upload(revision=5, phase=Phase.DONE), seq=2, end="finished")
EARLY, LATE = ended(job(1, revision=7), 7.0), job(2, revision=2)


def test_the_end_of_a_job_is_told_after_another_is_pruned() -> None:
    topic = Topic(ID)
    topic.offer(replace(DONE, jobs=(EARLY, LATE)))
    last = replace(DONE, jobs=(ended(replace(LATE, revision=3), 9.0),), settled=True)
    topic.offer(last)
    assert topic.latest == last
    assert not topic.has_jobs


async def test_reads_after_a_pruning_reach_the_topic() -> None:
    state, topic = MemoryState(), Topic(ID)
    snapshots = SnapshotReader(state=state, has_jobs=True)
    await state.create(upload(phase=Phase.DONE))
    await ended_job(state, job(1), at=7.0)
    running = await state.jobs.create(job(2))
    topic.offer(await snapshots.read(ID))
    assert await state.jobs.prune(8.0, 10) == 1
    await state.jobs.save(ended(running, 9.0))
    topic.offer(await snapshots.read(ID))
    assert topic.latest is not None
    assert ([entry.id for entry in topic.latest.jobs], topic.latest.settled) == ([running.id], True)


async def _crowd(state: MemoryState, unended: int) -> SnapshotReader:
    """Store a finished upload with jobs 0 to 5, created in this order, of which only job `unended` hasn't ended; return
    a reader of its snapshots."""
    await state.create(upload(phase=Phase.DONE))
    for number in range(6):
        planned = job(number, created_at=float(number))
        await (state.jobs.create(planned) if number == unended else ended_job(state, planned))
    return SnapshotReader(state=state, has_jobs=True)


@pytest.mark.parametrize("unended", range(6))
async def test_any_job_of_many_holds_back_the_end(unended: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """If a snapshot has room for two of six jobs, it has the one that hasn't ended, so that the upload's end isn't
    told."""
    monkeypatch.setattr(reader, "_MOST_JOBS", 2)
    state = MemoryState()
    crowd = await _crowd(state, unended)
    snapshot = await crowd.read(ID)
    assert snapshot is not None
    assert not snapshot.settled
    assert [entry.id for entry in snapshot.jobs] == [
        job(number).id for number in sorted({unended, min(9 - unended, 5)})
    ]


@pytest.mark.parametrize("unended", range(6))
async def test_the_end_of_any_job_of_many_is_told(unended: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "_MOST_JOBS", 2)
    state = MemoryState()
    crowd = await _crowd(state, unended)
    last = await state.jobs.load(job(unended).id)
    assert last is not None
    saved = await state.jobs.save(ended(last, 9.0))
    snapshot = await crowd.read(ID)
    assert snapshot is not None
    assert snapshot.settled
    assert saved in snapshot.jobs
