"""The verdict of a scan that is a job (`tusd_py/jobs/kinds/scan.py`), on each state: a locked upload only delays it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict, replace

import pytest

from tests.contracts.engine.test_scanning import CLEAN, FOUND, PENDING, ScriptedScanner
from tests.support.harness import Harness, ScriptedBody
from tests.support.intents import creating
from tests.support.jobs import job
from tusd_py.domain.errors import Locked
from tusd_py.domain.job import Job, JobPhase
from tusd_py.domain.scan import Scan
from tusd_py.domain.upload import Upload
from tusd_py.engine.create import create
from tusd_py.engine.scanning import record_scan
from tusd_py.jobs.attempt import Terms
from tusd_py.jobs.hold import Tenure
from tusd_py.jobs.kinds.scan import ScanContent
from tusd_py.jobs.runner import Runner
from tusd_py.jobs.service import JobService
from tusd_py.ports.state import StateStore


@pytest.fixture
def harness(state: StateStore) -> Harness:
    harness = Harness(state)
    harness.engine = replace(harness.engine, clock=time.time, lock_wait=0.05)
    return harness


@pytest.fixture
async def upload(harness: Harness) -> Upload:
    """The finished upload as it was returned, without a scan; in its record, a pending scan was noted afterwards."""
    done = await create(harness.engine, creating(3, body=True), ScriptedBody(b"abc"))
    await record_scan(harness.engine, done.id, PENDING)
    return done


def runner(harness: Harness, scan: Scan | None, seconds: float = 60.0) -> Runner:
    """Return a runner of scan jobs with one attempt of at most `seconds` to get each result; to record a known result,
    it makes as many as needed. The scanner gives the verdict `scan`; None for no answer."""
    scanner = ScriptedScanner()
    scanner.verdict = scan
    return Runner(
        engine=harness.engine,
        tenure=Tenure(store=harness.state.jobs, clock=time.time, ttl=2.0),
        kinds={"scan": ScanContent(scanner)},
        terms=Terms(seconds=seconds, attempts=1),
        concurrency=1,
        retention=1e9,
    )


async def ended(harness: Harness) -> Job:
    while True:
        record = await harness.state.jobs.load(job().id)
        assert record is not None
        if record.ended:
            return record
        await asyncio.sleep(0.05)


async def refused(harness: Harness) -> None:
    """Return once an attempt at job 1 has failed and the job is queued again. Raises AssertionError if the job has
    ended or there is none."""
    while True:
        record = await harness.state.jobs.load(job().id)
        assert record is not None
        assert not record.ended
        if record.attempt and record.phase is JobPhase.QUEUED:
            return
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("verdict", [FOUND, CLEAN])
@pytest.mark.parametrize(("lock_wait", "seconds"), [(0.05, 60.0), (60.0, 0.5)], ids=["lock", "timeout"])
async def test_a_verdict_outlasts_a_lock_in_every_attempt(
    harness: Harness, upload: Upload, verdict: Scan, lock_wait: float, seconds: float
) -> None:
    await harness.state.jobs.create(job(kind="scan", upload_id=upload.id))
    async with asyncio.timeout(30):
        harness.engine = replace(harness.engine, lock_wait=lock_wait)
        async with runner(harness, verdict, seconds).running():
            async with harness.engine.hold(upload.id):
                await refused(harness)
            done = await ended(harness)
    assert (done.phase, (done.result or {})["verdict"]) == (JobPhase.DONE, verdict.verdict)
    assert done.attempt > 1
    if verdict is FOUND:
        assert await harness.residue() == []
    else:
        assert (await harness.record(upload)).scan == CLEAN


@pytest.mark.parametrize("stored", [False, True])
async def test_no_job_leaves_a_pending_verdict(harness: Harness, upload: Upload, *, stored: bool) -> None:
    """While the upload is locked, `submit` raises Locked, with the job stored before or not, and leaves the upload's
    verdict as it is. A later submission of the ended job leaves it, too, and raises nothing."""
    await record_scan(harness.engine, upload.id, CLEAN)
    running = runner(harness, CLEAN)
    service = JobService(engine=harness.engine, runner=running)
    async with harness.engine.hold(upload.id):
        if stored:
            await harness.state.jobs.create(job(kind="scan", upload_id=upload.id))
        with pytest.raises(Locked):
            await service.submit(job(kind="scan", upload_id=upload.id))
    assert (await harness.record(upload)).scan == CLEAN
    async with asyncio.timeout(30), running.running():
        await ended(harness)
    await service.submit(job(kind="scan", upload_id=upload.id))
    assert (await harness.record(upload)).scan == CLEAN


async def test_a_verdict_outlasts_nodes_that_die(harness: Harness, upload: Upload) -> None:
    """A scan job that has recorded malware as its result ends as done with that result, and its upload is removed,
    although the nodes of all its attempts died and the scanner gives no answer any more."""
    result = {**asdict(FOUND), "bytes": 3}
    await harness.state.jobs.create(job(kind="scan", upload_id=upload.id, attempt=5, result=result))
    async with asyncio.timeout(30), runner(harness, None).running():
        done = await ended(harness)
    assert (done.phase, done.result) == (JobPhase.DONE, result)
    assert await harness.residue() == []
