"""The clearing up after a job that failed or was cancelled (`tusd_py/jobs/clearing.py`), on each state: if a part of it
fails at first, a node does it later."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace

import pytest

from tests.support.harness import Harness
from tests.support.jobs import job
from tusd_py.domain import job_life
from tusd_py.domain.errors import Locked, StateUnavailable
from tusd_py.domain.job import Job, JobPhase
from tusd_py.domain.job_faults import JobEnded, JobFault
from tusd_py.domain.rights import Watcher
from tusd_py.domain.upload_id import UploadId
from tusd_py.engine.engine import Engine
from tusd_py.engine.make import make
from tusd_py.jobs.attempt import Terms
from tusd_py.jobs.hold import Tenure
from tusd_py.jobs.runner import Runner
from tusd_py.jobs.service import JobService
from tusd_py.jobs.work import Args, PlainKind, Result, Work
from tusd_py.ports.state import StateStore

TTL = 30.0
OPERATOR = Watcher(sees_all=True)
ERROR = {"code": "bad", "message": "it never works"}


class Failing(PlainKind):
    """A kind of job that fails each attempt; its first `failures` calls of `give_up` outlast the hold, then raise
    `error`."""

    def __init__(self, harness: Harness) -> None:
        self.harness, self.failures, self.error = harness, 0, Exception()
        self.given_up = list[tuple[str, JobPhase]]()

    def check(self, args: Args) -> Args:
        return args

    async def run(self, work: Work) -> Result:
        del work
        raise JobFault(ERROR["code"], ERROR["message"])

    async def give_up(self, engine: Engine, job: Job) -> None:
        del engine
        self.given_up.append((job.id, job.phase))
        if self.failures:
            self.failures -= 1
            self.harness.now += TTL
            raise self.error


async def pieces() -> AsyncGenerator[bytes, None]:
    yield b"member"


@pytest.fixture
def harness(state: StateStore) -> Harness:
    return Harness(state)


@pytest.fixture
def kind(harness: Harness) -> Failing:
    return Failing(harness)


@pytest.fixture
def service(harness: Harness, kind: Failing) -> JobService:
    engine = harness.engine
    runner = Runner(
        engine=engine,
        tenure=Tenure(store=engine.state.jobs, clock=engine.clock, ttl=TTL),
        kinds={"checksum": kind},
        terms=Terms(seconds=60.0, attempts=1),
        concurrency=2,
        retention=1e9,
    )
    return JobService(engine=engine, runner=runner)


async def cleared(service: JobService) -> Job:
    """Run the service's jobs until job 1 (`job()`) has ended and isn't due any more, and return it as stored. Raises
    TimeoutError after 30 seconds."""
    async with asyncio.timeout(30), service.runner.running():
        while True:
            stored = await service.store.load(job().id)
            if stored is not None and stored.ended and stored.due_at is None:
                return stored
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("error", [Locked("held"), StateUnavailable("away")])
async def test_a_cancelled_job_is_given_up_until_that_is_done(
    service: JobService, kind: Failing, error: Exception
) -> None:
    kind.failures, kind.error = 2, error
    queued = await service.store.create(job())
    await service.cancel(queued, OPERATOR)
    with pytest.raises(JobEnded):
        await service.cancel(queued, OPERATOR)
    assert kind.given_up == [(queued.id, JobPhase.CANCELLED)]
    assert (await cleared(service)).phase is JobPhase.CANCELLED
    assert kind.given_up == 3 * [(queued.id, JobPhase.CANCELLED)]


async def test_a_failed_job_is_given_up_until_that_is_done(service: JobService, kind: Failing) -> None:
    kind.failures, kind.error = 1, Locked("held")
    await service.store.create(job())
    assert (await cleared(service)).error == ERROR
    assert kind.given_up == 2 * [(job().id, JobPhase.FAILED)]


async def test_a_job_whose_node_died_at_its_end_is_given_up(
    service: JobService, kind: Failing, harness: Harness
) -> None:
    queued = await service.store.create(job())
    await service.store.save(job_life.fail(queued, harness.now, TTL, ERROR))
    harness.now += TTL
    assert (await cleared(service)).error == ERROR
    assert kind.given_up == [(job().id, JobPhase.FAILED)]


async def test_a_job_without_trouble_is_given_up_once(service: JobService, kind: Failing) -> None:
    await service.cancel(await service.store.create(job()), OPERATOR)
    stored = await service.store.load(job().id)
    assert stored is not None
    assert stored.due_at is None
    await cleared(service)
    assert len(kind.given_up) == 1


async def test_a_request_cancels_no_job_whose_result_is_known(service: JobService) -> None:
    stored_job = await service.store.create(job(result={"verdict": "found"}))
    with pytest.raises(JobEnded):
        await service.cancel(stored_job, OPERATOR)
    assert await service.store.load(stored_job.id) == stored_job
    await service.cancel_all(job().upload_id or UploadId(""))
    stored = await service.store.load(stored_job.id)
    assert stored is not None
    assert stored.phase is JobPhase.CANCELLED


async def test_late_products_of_a_cancelled_job_are_removed(service: JobService, harness: Harness) -> None:
    """The upload that a node makes after its job was cancelled, as the node hasn't noticed that, is removed by another
    node once the job's hold has run out."""
    engine, product_id = harness.engine, harness.engine.new_id()
    running = await service.store.save(job_life.claim(await service.store.create(job()), harness.now, TTL))
    running = await service.store.save(replace(running, product_ids=(product_id,)))
    await service.cancel(running, OPERATOR)
    product = await make(engine, product_id, {}, pieces())
    assert product.done
    harness.now += TTL
    stored = await cleared(service)
    assert (stored.phase, stored.product_ids) == (JobPhase.CANCELLED, ())
    remaining = await engine.state.load(product_id)
    assert remaining is None or not remaining.alive
