"""The job kind `scan`: it scans an upload's content, and malicious content ends the upload."""

from __future__ import annotations

from dataclasses import asdict, replace

from tusd_py.domain.job import Job, JobPhase
from tusd_py.domain.job_faults import BadJob
from tusd_py.domain.scan import Scan, Verdict
from tusd_py.engine.engine import Engine
from tusd_py.engine.scanning import announce_job, record_scan, withdraw_pending
from tusd_py.jobs.work import Args, Result, Work
from tusd_py.ports.scanner import Scanner

_FAILED = Scan(verdict=Verdict.FAILED, reason="scanner-unavailable")


class ScanContent:
    """The kind `scan`. It takes no arguments. Result: `{"verdict":"clean","name":null,"reason":null,"bytes":n}`; `name`
    is that of the malware, `reason` says why content wasn't scanned. The verdict is also recorded on the upload:
    `pending` until the scan is done, `failed` if the job fails, none if it is cancelled; but malicious content ends the
    upload."""

    def __init__(self, scanner: Scanner) -> None:
        self._scanner = scanner

    def check(self, args: Args) -> Args:
        if args:
            raise BadJob("scan takes no arguments")
        return {}

    async def begin(self, engine: Engine, job: Job) -> None:
        if job.upload_id is not None:
            await announce_job(engine, job.upload_id, job.id)

    async def run(self, work: Work) -> Result:
        """Scan the upload, unless an earlier attempt has done so; record the verdict on the upload, or end the upload
        if its content is malicious; return the scan as the job's result. The result is recorded in the job first:
        another attempt couldn't scan an ended upload again."""
        if work.job.result is None:
            upload = await work.upload()
            scan = await self._scanner.scan(upload.offset, work.read(upload))
            result = {**asdict(scan), "bytes": upload.offset}
            await work.hold.update(lambda job: replace(job, result=result))
        result = dict(work.job.result or {})
        members = {name: value for name, value in result.items() if name != "bytes"}
        if work.job.upload_id is not None:
            scan = Scan(**members | {"verdict": Verdict(members["verdict"])})
            await record_scan(work.engine, work.job.upload_id, scan)
        return result

    async def give_up(self, engine: Engine, job: Job) -> None:
        if job.upload_id is not None:
            await withdraw_pending(engine, job.upload_id, _FAILED if job.phase is JobPhase.FAILED else None)
