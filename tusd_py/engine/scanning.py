"""The scan of an upload's content: before it is finished, or as a job afterwards."""

from __future__ import annotations

from tusd_py.domain.events import Reason
from tusd_py.domain.job import JobId
from tusd_py.domain.lifecycle import await_answer, await_scan, end, judge
from tusd_py.domain.scan import Scan, Verdict
from tusd_py.domain.scan_refusals import Infected, ScannerUnavailable, Unscanned
from tusd_py.domain.span import Span
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.engine.engine import Engine
from tusd_py.engine.terminate import clear


async def announce_scan(engine: Engine, upload: Upload) -> Upload:
    """Return the finishing upload; if it is to be scanned before it is done, record first that its scan is pending.
    Raises Superseded, StateUnavailable."""
    if engine.screening is None or upload.scan is not None:
        return upload
    return await engine.records.note(await_scan(upload))


async def scan_to_finish(engine: Engine, upload: Upload, done: Upload) -> Upload:
    """Scan the content of `done`, the upload as it is to be recorded, and return it with the verdict; unchanged if
    uploads aren't scanned before they are done. `upload` is its record.

    Raises Infected, Unscanned (the upload has ended then), ScannerUnavailable (it stays finishing, and is scanned
    again), UploadLost, Unavailable, Superseded.
    """
    screening = engine.screening
    if screening is None:
        return done
    try:
        scan = await screening.scanner.scan(done.offset, engine.storage.read(done, Span(0, done.offset)))
    except ScannerUnavailable:
        await engine.records.note(await_answer(upload, engine.clock()))
        raise
    if scan.verdict is Verdict.FOUND:
        await clear(engine, await engine.records.save(end(upload, Reason.INFECTED)))
        raise Infected
    if scan.verdict is Verdict.UNSCANNED and not screening.accepts_unscanned:
        await clear(engine, await engine.records.save(end(upload, Reason.UNSCANNED)))
        raise Unscanned
    return judge(done, scan)


async def announce_job(engine: Engine, upload_id: UploadId, job_id: JobId) -> None:
    """Record the verdict `pending` on a finished upload for a stored job that scans it, unless the job has ended or its
    record has a result. A job that is still to record or withdraw a verdict does so later, as it waits for the upload's
    lock.

    Raises Locked, Superseded, StateUnavailable.
    """
    async with engine.hold(upload_id):
        upload = await engine.state.load(upload_id)
        if upload is None or not upload.done:
            return
        job = await engine.state.jobs.load(job_id)
        if job is not None and not job.ended and job.result is None:
            await engine.records.note(await_scan(upload))


async def record_scan(engine: Engine, upload_id: UploadId, scan: Scan) -> None:
    """Record the verdict on a finished upload; end an infected upload. Nothing is recorded if the upload isn't done.
    Raises Locked, Superseded, StateUnavailable."""
    async with engine.hold(upload_id):
        upload = await engine.state.load(upload_id)
        if upload is None or not upload.done:
            return
        if scan.verdict is Verdict.FOUND:
            await clear(engine, await engine.records.save(end(upload, Reason.INFECTED)))
        else:
            await engine.records.note(judge(upload, scan))


async def withdraw_pending(engine: Engine, upload_id: UploadId, scan: Scan | None) -> None:
    """Replace the verdict `pending` of a finished upload by `scan`; with None, remove it. Another verdict stays, as a
    scan has given it. Raises Locked, Superseded, StateUnavailable."""
    async with engine.hold(upload_id):
        upload = await engine.state.load(upload_id)
        if upload is not None and upload.done and upload.scan is not None and upload.scan.verdict is Verdict.PENDING:
            await engine.records.note(judge(upload, scan))
