"""The use cases of jobs: clients submit, inspect and cancel them; the events of finished and ended uploads begin and
cancel them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass

from tusd_py.domain import job_life
from tusd_py.domain.access_refusals import InsufficientScope
from tusd_py.domain.errors import Superseded
from tusd_py.domain.job import Job, JobId, JobPhase, JobPlace
from tusd_py.domain.job_faults import BadJob, JobEnded, JobNotFound, NotFinished
from tusd_py.domain.refusals import UploadNotFound
from tusd_py.domain.rights import Watcher
from tusd_py.domain.rules import plan_inspect
from tusd_py.domain.upload_id import UploadId
from tusd_py.engine.engine import Engine
from tusd_py.jobs.clearing import clear_up
from tusd_py.jobs.runner import Runner
from tusd_py.jobs.work import Kind
from tusd_py.ports.jobs import JobSelection, JobStore


@dataclass(frozen=True, slots=True, kw_only=True)
class JobService:
    """The use cases of jobs in one process, for requests and for events of uploads."""

    engine: Engine
    runner: Runner

    @property
    def store(self) -> JobStore:
        return self.engine.state.jobs

    def kind(self, name: str) -> Kind:
        """Return the kind of job with this name. Raises BadJob if the settings have none."""
        kind = self.runner.kinds.get(name)
        if kind is None:
            raise BadJob(f"kind must be one of {', '.join(sorted(self.runner.kinds))}")
        return kind

    async def check_upload(self, upload_id: UploadId, watcher: Watcher) -> None:
        """Check that a client may have jobs on the upload. Raises UploadNotFound if the watcher sees no such upload;
        UploadGone or UploadNotFound, by the settings, if it has ended or expired; NotFinished if it isn't finished;
        StateUnavailable."""
        engine = self.engine
        upload = await engine.state.load(upload_id)
        if upload is None or not watcher.sees(upload.owner, upload.tenant):
            raise UploadNotFound
        if not plan_inspect(upload, limits=engine.limits, now=engine.clock()).done:
            raise NotFinished

    async def submit(self, job: Job) -> Job:
        """Store a job, whose arguments the caller has checked, wake the runner, and return the job as stored. If a job
        with the same id is stored already, that one stays as it is and is returned.

        Raises BadJob for a kind that the settings lack, StateUnavailable, and what the kind's `begin` raises: the job
        is stored by then, and will run.
        """
        kind = self.kind(job.kind)
        stored = await self.store.create(job)
        await kind.begin(self.engine, stored)
        self.runner.wake()
        return stored

    async def job(self, job_id: JobId, watcher: Watcher) -> Job:
        """Return the job. Raises JobNotFound, also if the watcher may not see the job, StateUnavailable."""
        job = await self.store.load(job_id)
        if job is None or not watcher.sees(job.owner, job.tenant):
            raise JobNotFound
        return job

    async def cancel(self, job: Job, watcher: Watcher) -> None:
        """Cancel a job that the watcher sees, as a client asks for that.

        Raises InsufficientScope if the settings ask for the job, it hasn't ended, and the watcher doesn't see all; else
        JobEnded if the job has ended, or its result is known and only to be recorded; JobNotFound if it is gone;
        StateUnavailable.
        """
        if job.required and not job.ended and not watcher.sees_all:
            raise InsufficientScope("this server does the job with each upload: only an operator may cancel it")
        await self._cancel(job, lambda current: current.ended or current.result is not None)

    async def cancel_all(self, upload_id: UploadId, spared: Collection[str] = ()) -> None:
        """Cancel the jobs of an upload that has ended, but not those of the kinds `spared`. Raises StateUnavailable."""
        after: JobPlace | None = None
        thresholds, selection = self.engine.thresholds, JobSelection(upload_id=upload_id)
        while page := await self.store.list(selection, after, thresholds.page, thresholds.page_size):
            after = page[-1].place
            for job in (job for job in page if job.kind not in spared):
                await self._cancel_if_open(job)

    async def _cancel_if_open(self, job: Job) -> None:
        with suppress(JobEnded, JobNotFound):
            await self._cancel(job, lambda current: current.ended)

    async def _cancel(self, job: Job, is_settled: Callable[[Job], bool]) -> None:
        """Record the job as cancelled, stop its attempt if this process makes it, and clear up after it; what isn't
        possible now, a node does later. Raises JobEnded if `is_settled` returns True for the job, JobNotFound,
        StateUnavailable."""
        before, cancelled = await self._record_end(job, is_settled)
        self.engine.observer.ended(cancelled)
        final = await self.runner.drop(job.id) or before.phase is not JobPhase.RUNNING
        await clear_up(self.engine, self.runner.kind_of(cancelled), cancelled, final=final)

    async def _record_end(self, job: Job, is_settled: Callable[[Job], bool]) -> tuple[Job, Job]:
        """Record the job as cancelled; return it as it was before, and as it is stored now.

        If the job has been changed since it was read, try again with the job as stored. Raises JobEnded if `is_settled`
        returns True for the job, JobNotFound if it is gone, StateUnavailable.
        """
        current: Job | None = job
        while current is not None:
            if is_settled(current):
                raise JobEnded
            try:
                cancelled = job_life.cancel(current, self.engine.clock(), self.runner.tenure.ttl)
                return current, await self.store.save(cancelled)
            except Superseded:
                current = await self.store.load(job.id)
        raise JobNotFound
