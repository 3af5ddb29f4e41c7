"""The records of jobs (`tusd_py/ports/jobs.py`)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.fixtures_state import Maker
from tests.support.jobs import ended, job
from tests.support.uploads import ids, json_objects
from tusd_py.domain import job_life
from tusd_py.domain.errors import Superseded
from tusd_py.domain.job import ENDED, Job, JobId, JobPhase
from tusd_py.domain.job_json import decode_job, encode_job
from tusd_py.domain.upload_id import UploadId
from tusd_py.ports.jobs import JobSelection, JobStore
from tusd_py.ports.state import StateStore

UPLOADS = [UploadId(f"{number:032x}") for number in range(3)]
EVERY = JobSelection()


@pytest.fixture
async def jobs(state: StateStore) -> JobStore:
    return state.jobs


def stored(*numbers: int) -> list[JobId]:
    return [job(number).id for number in numbers]


async def listed(jobs: JobStore, selection: JobSelection = EVERY, page: int = 2) -> Sequence[JobId]:
    jobs_found = list[Job]()
    while page_of_jobs := await jobs.list(selection, jobs_found[-1].place if jobs_found else None, page):
        assert len(page_of_jobs) <= page
        jobs_found += page_of_jobs
    return [listed_job.id for listed_job in jobs_found]


async def test_a_job_comes_back_as_it_was(jobs: JobStore) -> None:
    planned = job(
        args={"algorithms": ["sha256", "ü"]},
        owner="alice",
        attempt=2,
        done=7,
        total=2**60,
        error={"code": "timeout", "message": "too slow"},
        result={"bytes": 7, "digests": {}},
        endpoint="https://up.example/files/",
        tenant="acme",
        sees_all=True,
        product_ids=(UPLOADS[1], UPLOADS[2]),
    )
    assert await jobs.create(planned) == replace(planned, revision=1)
    assert await jobs.load(planned.id) == replace(planned, revision=1)
    assert await jobs.load(job(2).id) is None


async def test_one_that_exists_stays(jobs: JobStore) -> None:
    first = await jobs.create(job())
    saved = await jobs.save(replace(first, phase=JobPhase.RUNNING))
    assert await jobs.create(job(kind="scan")) == saved
    assert await jobs.load(first.id) == saved


async def test_only_the_next_revision_is_saved(jobs: JobStore) -> None:
    first = await jobs.create(job())
    second = await jobs.save(replace(first, done=3))
    assert second == replace(first, done=3, revision=2)
    for stale in (first, replace(first, revision=3), job(2)):
        with pytest.raises(Superseded):
            await jobs.save(stale)
    assert await jobs.load(first.id) == second
    assert await jobs.revision(first.id) == 2
    assert await jobs.revision(job(2).id) is None
    assert await jobs.due(9.0, 10) == [second]


async def test_one_of_several_nodes_takes_a_job(durable: Maker) -> None:
    nodes = [durable() for _ in range(4)]
    created_job = await nodes[0].jobs.create(job())

    async def take(node: StateStore) -> bool:
        try:
            await node.jobs.save(replace(created_job, phase=JobPhase.RUNNING, attempt=1, due_at=16.0))
        except Superseded:
            return False
        return True

    assert sorted(await asyncio.gather(*map(take, nodes))) == [False, False, False, True]
    for node in nodes:
        await node.aclose()


async def test_the_longest_due_come_first(jobs: JobStore) -> None:
    for number, due_at in ((1, 30.0), (2, 10.0), (3, 20.0), (4, 10.0)):
        await jobs.create(job(number, due_at=due_at))
    assert [due_job.id for due_job in await jobs.due(20.0, 10)] == stored(2, 4, 3)
    assert [due_job.id for due_job in await jobs.due(20.0, 1)] == stored(2)
    assert await jobs.due(9.9, 10) == await jobs.due(99.0, 0) == []


async def test_what_is_due_moves_and_ends_with_the_job(jobs: JobStore) -> None:
    running = await jobs.save(replace(await jobs.create(job()), phase=JobPhase.RUNNING, due_at=16.0))
    assert await jobs.due(15.9, 10) == []
    assert await jobs.due(16.0, 10) == [running]
    await jobs.save(ended(running, 12.0))
    assert await jobs.due(99.0, 10) == []


async def test_the_oldest_are_listed_first(jobs: JobStore) -> None:
    for number, created_at in ((1, 3.0), (2, 1.0), (3, 2.0), (5, 2.0), (4, 2.0)):
        await jobs.create(job(number, created_at=created_at))
    for page in (1, 2, 10):
        assert await listed(jobs, page=page) == stored(2, 3, 4, 5, 1)
    assert await jobs.list(EVERY, None, 0) == []


async def test_recent_jobs_are_the_unended_and_the_last_to_end(jobs: JobStore) -> None:
    created = {1: 3.0, 2: 1.0, 3: 2.0, 5: 2.0, 4: 2.0}
    for number, created_at in created.items():
        await jobs.create(job(number, created_at=created_at, upload_id=UPLOADS[0]))
    await jobs.create(job(6, created_at=9.0, upload_id=UPLOADS[1]))
    await jobs.create(job(7, created_at=9.0, upload_id=None, kind="export"))
    for number, ended_at in ((1, 10.0), (2, 12.0), (5, 11.0)):
        await _end(jobs, number, ended_at)
    for limit, expected in ((0, []), (1, [4]), (2, [3, 4]), (3, [2, 3, 4]), (4, [2, 3, 4, 5]), (9, [2, 3, 4, 5, 1])):
        assert await recent(jobs, limit) == stored(*expected)
    await _end(jobs, 3, 13.0)
    assert await recent(jobs, 2) == stored(3, 4)
    assert await jobs.recent(UPLOADS[2], 9) == []


async def test_recent_jobs_end_with_the_one_that_reaches_the_size(jobs: JobStore) -> None:
    for number in range(1, 5):
        await jobs.create(job(number, created_at=number, upload_id=UPLOADS[0], args={"name": "x" * 1000}))
    await _end(jobs, 4, 10.0)
    for size, expected in ((1, [3]), (1500, [2, 3]), (9000, [1, 2, 3, 4])):
        assert await recent(jobs, 9, size) == stored(*expected)


async def recent(jobs: JobStore, limit: int, size: int = 2**20) -> Sequence[JobId]:
    return [recent_job.id for recent_job in await jobs.recent(UPLOADS[0], limit, size)]


async def _end(jobs: JobStore, number: int, ended_at: float) -> None:
    before = await jobs.load(job(number).id)
    assert before is not None
    await jobs.save(ended(before, ended_at))


async def test_a_list_goes_on_after_the_place_of_a_removed_job(jobs: JobStore) -> None:
    for number in range(4):
        await jobs.create(job(number, created_at=1e9 + number / 3))
    await jobs.save(ended(await jobs.create(job(9, created_at=1e9 + 1 / 3)), 5.0))
    assert await jobs.prune(6.0, 1) == 1
    page = await jobs.list(EVERY, (1e9 + 1 / 3, job(9).id), 10)
    assert [listed_job.id for listed_job in page] == stored(2, 3)


async def test_one_hundred_of_one_moment_are_listed_in_pages(jobs: JobStore) -> None:
    for number in range(100):
        await jobs.create(job(number))
    assert await listed(jobs, page=30) == stored(*range(100))


async def test_a_page_ends_by_its_size(jobs: JobStore) -> None:
    for number in range(5):
        await jobs.create(job(number, args={"ids": ["é" * 1000]}, owner="bob" if number == 1 else "alice"))
    place, alice = job(0).place, JobSelection(account="alice")
    size = len(encode_job(job(0, revision=1, args={"ids": ["é" * 1000]}, owner="alice")))
    sizes = (1, size, size + 1, 10**6)
    pages = [await jobs.list(alice, after, 10, page_size) for after in (None, place) for page_size in sizes]
    assert [[listed_job.id for listed_job in page] for page in pages] == [
        *(stored(0), stored(0), stored(0, 2), stored(0, 2, 3, 4)),
        *(stored(2), stored(2), stored(2, 3), stored(2, 3, 4)),
    ]
    assert await jobs.list(alice, job(4).place, 10, 1) == []


async def test_jobs_are_chosen_by_upload_phase_kind_and_owner(jobs: JobStore) -> None:
    await jobs.create(job(1, upload_id=UPLOADS[0], owner="alice"))
    await jobs.create(job(2, upload_id=None, kind="export", owner="bob"))
    await jobs.save(ended(await jobs.create(job(3, owner="alice", kind="scan")), 2.0))
    await jobs.save(ended(await jobs.create(job(4)), 2.0, JobPhase.FAILED))
    assert await listed(jobs, JobSelection(upload_id=UPLOADS[1]), 1) == stored(3, 4)
    assert await listed(jobs, JobSelection(upload_id=UPLOADS[2])) == []
    assert await listed(jobs, JobSelection(phases=ENDED), 1) == stored(3, 4)
    assert await listed(jobs, JobSelection(phases=frozenset({"queued", "unheard-of"}))) == stored(1, 2)
    assert await listed(jobs, JobSelection(phases=frozenset())) == []
    assert await listed(jobs, JobSelection(account="alice"), 1) == stored(1, 3)
    assert await listed(jobs, JobSelection(account="alice", kind="scan")) == stored(3)
    assert await listed(jobs, JobSelection(account="bob", upload_id=UPLOADS[1])) == []


async def test_few_among_many_of_another_owner_are_found(jobs: JobStore) -> None:
    """A listing by owner finds the owner's four jobs among 1100, also those beyond the thousand that one script of
    Redis looks at."""
    alices = (0, 220, 1098, 1099)
    planned = [job(number, owner="alice" if number in alices else "bob") for number in range(1100)]
    for batch in zip(*[iter(planned)] * 50, strict=True):
        await asyncio.gather(*map(jobs.create, batch))
    assert await listed(jobs, JobSelection(account="alice"), 3) == stored(*alices)


async def test_ended_jobs_are_removed_after_their_time(jobs: JobStore) -> None:
    for number, at in ((1, 30.0), (2, 10.0), (3, 20.0)):
        await jobs.save(ended(await jobs.create(job(number)), at))
    await jobs.create(job(4))
    assert await jobs.prune(10.0, 10) == 0
    assert await jobs.prune(20.0, 10) == 1
    assert await jobs.load(job(2).id) is None
    assert await listed(jobs) == stored(1, 3, 4)
    assert await jobs.prune(1e9, 1) == await jobs.prune(1e9, 10) == 1
    assert await jobs.prune(1e9, 10) == 0
    assert await listed(jobs, JobSelection(upload_id=UPLOADS[1])) == stored(4)
    assert await jobs.create(job(2)) == job(2, revision=1)


async def test_one_whose_products_are_not_yet_removed_stays(jobs: JobStore) -> None:
    """Pruning keeps an ended job, however old, until its products are removed, and still prunes others. Once they are
    removed, it is due no more, and pruned, too."""
    with_products = [await jobs.save(uncleared(await jobs.create(job(number)))) for number in range(3)]
    await jobs.save(ended(await jobs.create(job(4)), 9.0))
    assert await jobs.prune(1e9, 2) == 1
    assert await jobs.due(9.0, 10) == with_products
    assert await jobs.prune(1e9, 2) == 0
    for left_over in with_products:
        await jobs.save(job_life.mark_cleared(left_over))
    assert await jobs.due(1e9, 10) == []
    assert await jobs.prune(1e9, 10) == 3
    assert await listed(jobs) == []


def uncleared(of: Job) -> Job:
    """Return the job as claimed and then cancelled, with a product that is still to be removed; nothing is saved."""
    return job_life.cancel(replace(job_life.claim(of, 2.0, 30.0), product_ids=(UPLOADS[0],)), 3.0, 5.0)


async def test_one_that_is_begun_again_is_not_removed(jobs: JobStore) -> None:
    failed = await jobs.save(ended(await jobs.create(job()), 2.0, JobPhase.FAILED))
    await jobs.save(replace(failed, phase=JobPhase.QUEUED, due_at=3.0))
    assert await jobs.prune(1e9, 10) == 0


async def test_jobs_are_there_after_a_restart(durable: Maker) -> None:
    store = durable()
    running = await store.jobs.save(replace(await store.jobs.create(job()), phase=JobPhase.RUNNING, due_at=5.0))
    await store.aclose()
    again = durable()
    assert await again.jobs.load(running.id) == running
    assert await again.jobs.due(5.0, 10) == await again.jobs.list(EVERY, None, 10) == [running]
    await again.aclose()


@given(
    st.builds(
        Job,
        id=ids.map(JobId),
        upload_id=st.none() | ids,
        kind=st.text(max_size=9),
        args=json_objects,
        owner=st.none() | st.text(max_size=9),
        phase=st.sampled_from(JobPhase),
        result=st.none() | json_objects,
        error=st.none() | json_objects,
        created_at=st.floats(0, 2**40),
        updated_at=st.floats(0, 2**40),
        due_at=st.none() | st.floats(0, 2**40),
        revision=st.integers(0, 2**40),
    )
)
def test_json_holds_all_of_a_job(given_job: Job) -> None:
    assert decode_job(encode_job(given_job)) == given_job
    assert decode_job(encode_job(given_job)[:-1] + ',"of_later":1}') == given_job
