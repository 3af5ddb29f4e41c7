"""Listeners of a finished upload while its ended jobs are pruned."""

from __future__ import annotations

from dataclasses import replace

from tests.support.jobs import ended, ended_job, job
from tests.support.uploads import upload
from tusd_py.backends.memory.state import MemoryState
from tusd_py.domain.phase import Phase
from tusd_py.domain.snapshot import Snapshot
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
    reader = SnapshotReader(state=state, has_jobs=True)
    await state.create(upload(phase=Phase.DONE))
    await ended_job(state, job(1), at=7.0)
    running = await state.jobs.create(job(2))
    topic.offer(await reader.read(ID))
    assert await state.jobs.prune(8.0, 10) == 1
    await state.jobs.save(ended(running, 9.0))
    topic.offer(await reader.read(ID))
    assert topic.latest is not None
    assert ([entry.id for entry in topic.latest.jobs], topic.latest.settled) == ([running.id], True)
