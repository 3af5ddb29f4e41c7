"""The hold of a job (`tusd_py/jobs/hold.py`) on each state: saves whose answer is lost, changes by other nodes, and the
times at which progress is saved."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

import pytest

from tests.support.jobs import job
from tests.support.tus import until
from tusd_py.domain import job_life
from tusd_py.domain.errors import StateUnavailable, Superseded
from tusd_py.domain.job import Job, JobId, JobPhase
from tusd_py.domain.upload_id import UploadId
from tusd_py.jobs import hold as hold_module
from tusd_py.jobs.hold import Change, Hold, Tenure
from tusd_py.ports.jobs import JobStore
from tusd_py.ports.state import StateStore
from tusd_py.tasks import end

TTL = 30.0
PRODUCT = UploadId("a" * 32)
Lapse = Callable[[Hold, Change], Awaitable[None]]


class LossyJobs:
    """A part of a job store, in front of `jobs`: it stores each saved job, but the next `lost` saves raise
    StateUnavailable, only after `seconds`, as if their answers were lost. `stored` is set before that; `loads` counts
    the loads."""

    def __init__(self, jobs: JobStore) -> None:
        self.jobs, self.lost, self.seconds = jobs, 0, 0.0
        self.loads = 0
        self.stored = asyncio.Event()

    async def revision(self, job_id: JobId) -> int | None:
        return await self.jobs.revision(job_id)

    async def load(self, job_id: JobId) -> Job | None:
        self.loads += 1
        return await self.jobs.load(job_id)

    async def save(self, planned: Job) -> Job:
        saved = await self.jobs.save(planned)
        if self.lost:
            self.lost -= 1
            self.stored.set()
            await asyncio.sleep(self.seconds)
            raise StateUnavailable("the answer is lost")
        return saved


@pytest.fixture
def store(state: StateStore) -> LossyJobs:
    return LossyJobs(state.jobs)


async def claimed(store: LossyJobs, name: str = "ü") -> Hold:
    since, queued = asyncio.get_running_loop().time(), await store.jobs.create(job(args={"name": name}))
    running = await store.jobs.save(job_life.claim(queued, time.time(), TTL))
    return Hold(Tenure(store=store, clock=time.time, ttl=TTL), running, since)  # type: ignore[arg-type]  # enough of it


@pytest.fixture
def lapse(store: LossyJobs, monkeypatch: pytest.MonkeyPatch) -> Lapse:
    """Return a function that saves a change with a hold: the store keeps it, but the hold gets no answer before it runs
    out, as the loop's clock is set forward, and its `save` raises Superseded."""

    async def save(hold: Hold, change: Change) -> None:
        store.lost, store.seconds = 1, 10 * TTL
        saving = asyncio.create_task(hold.save(change))
        await store.stored.wait()
        monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: time.monotonic() + TTL)
        with pytest.raises(Superseded):
            await saving

    return save


def add_product(before: Job) -> Job:
    return replace(before, product_ids=(*before.product_ids, PRODUCT))


async def test_a_save_whose_answer_is_lost_is_made_once(store: LossyJobs) -> None:
    hold = await claimed(store)
    store.lost = 1
    await hold.update(add_product)
    assert hold.job == await store.load(job().id)
    assert (hold.job.product_ids, hold.job.revision) == ((PRODUCT,), 3)


async def test_a_renewal_whose_answer_is_lost_is_its_own(store: LossyJobs) -> None:
    """A renewal that was stored without an answer doesn't end the hold: the node's next change adds to what is
    stored."""
    hold = await claimed(store)
    store.lost = 1
    hold.report(5, 10)
    beat = asyncio.create_task(hold.beat())
    await store.stored.wait()
    await hold.update(add_product)
    beat.cancel()
    stored = await store.load(job().id)
    assert stored is not None
    assert (stored.done, stored.product_ids) == (5, (PRODUCT,))


async def test_a_save_that_is_cancelled_may_be_stored(store: LossyJobs) -> None:
    hold = await claimed(store)
    store.lost, store.seconds = 1, 60.0
    updating = asyncio.create_task(hold.update(add_product))
    await store.stored.wait()
    updating.cancel()
    await asyncio.wait({updating})
    await hold.save(partial(job_life.give_back, now=7.0))
    assert (hold.job.phase, hold.job.attempt, hold.job.product_ids) == (JobPhase.QUEUED, 0, (PRODUCT,))


@pytest.mark.parametrize(
    ("outcome", "has_ended"),
    [
        (lambda before: job_life.succeed(before, {"bytes": 5}, 7.0), True),
        (partial(job_life.cancel, now=7.0, ttl=TTL), True),
        (partial(job_life.give_back, now=7.0), False),
    ],
    ids=["done", "cancelled", "given back"],
)
async def test_an_outcome_is_found_after_the_hold(
    store: LossyJobs, lapse: Lapse, outcome: Change, *, has_ended: bool
) -> None:
    hold = await claimed(store)
    await lapse(hold, outcome)
    assert await hold.find_end() is has_ended
    assert hold.job == await store.load(job().id)


async def test_the_outcome_of_another_node_is_not_its_own(store: LossyJobs, lapse: Lapse) -> None:
    """`Hold.find_end` returns False if this node gave its job back without getting an answer, and another node's
    attempt, which has the same number, ended the job."""
    hold = await claimed(store)
    await lapse(hold, partial(job_life.give_back, now=7.0))
    given_back = await store.load(job().id)
    assert given_back is not None
    running = await store.jobs.save(job_life.claim(given_back, 8.0, TTL))
    await store.jobs.save(job_life.succeed(running, {"bytes": 5}, 9.0))
    assert await hold.find_end() is False


async def test_another_nodes_change_ends_the_hold(store: LossyJobs) -> None:
    hold = await claimed(store)
    await store.jobs.save(job_life.cancel(hold.job, 7.0, TTL))
    with pytest.raises(Superseded):
        await hold.update(add_product)
    assert await hold.find_end() is False


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let holds look at the job's record every 10 ms."""
    monkeypatch.setattr(hold_module, "_BEAT_SECONDS", 0.01)


@asynccontextmanager
async def beating(hold: Hold) -> AsyncIterator[None]:
    task = asyncio.create_task(hold.beat())
    try:
        yield
    finally:
        await end(task)


async def progressed(store: LossyJobs) -> bool:
    stored = await store.jobs.load(job().id)
    return stored is not None and stored.done > 0


@pytest.mark.usefixtures("quick")
async def test_progress_is_saved_at_each_look(store: LossyJobs) -> None:
    hold = await claimed(store, name="x" * 60_000)
    hold.report(5, 10)
    async with beating(hold):
        await until(lambda: progressed(store))
    assert store.loads == 0, "a look asks for the revision alone"


@pytest.mark.usefixtures("quick")
async def test_progress_in_a_large_record_waits(store: LossyJobs) -> None:
    """Progress of a job whose record has more than 64 KiB isn't saved before the hold is renewed, and the hold's looks
    at the record don't load it."""
    hold = await claimed(store, name="x" * 66_000)
    hold.report(5, 10)
    async with beating(hold):
        await asyncio.sleep(0.5)
    assert store.loads == 0
    assert not await progressed(store)


@pytest.mark.usefixtures("quick")
async def test_progress_in_a_large_record_comes_with_a_renewal(
    store: LossyJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold = await claimed(store, name="x" * 66_000)
    hold.report(5, 10)
    async with beating(hold):
        monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: time.monotonic() + 0.4 * TTL)
        await until(lambda: progressed(store))
    assert store.loads == 0


@pytest.mark.usefixtures("quick")
async def test_a_record_that_grows_becomes_a_large_one(store: LossyJobs) -> None:
    hold = await claimed(store)
    await hold.update(lambda before: replace(before, product_ids=(PRODUCT,) * 2000))
    hold.report(5, 10)
    async with beating(hold):
        await asyncio.sleep(0.5)
    assert hold.job.done == 0
