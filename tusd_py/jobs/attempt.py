"""One attempt at a job: the work, the renewal of the node's hold (`jobs.hold`), and the record of its outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from tusd_py.domain import job_life
from tusd_py.domain.errors import Locked, Superseded, Unavailable, UploadLost
from tusd_py.domain.job import Job
from tusd_py.domain.job_faults import JobFault, JobVoid, PassingFault
from tusd_py.domain.refusals import Refusal, ServiceUnavailable
from tusd_py.engine.engine import Engine
from tusd_py.jobs.clearing import clear, clear_up
from tusd_py.jobs.hold import Hold
from tusd_py.jobs.work import Kind, Result, Work
from tusd_py.tasks import end

_PASSING = (PassingFault, ServiceUnavailable, Unavailable, Locked, Superseded)
"""The errors after which a job is tried again, while it has attempts left, or if only the recording of its known result
failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The limits of attempts at a job: the time of each, and their number."""

    seconds: float
    """The timeout of one attempt, in seconds."""
    attempts: int
    """The maximum number of attempts to get the result of a job. Attempts that a shutdown stops aren't counted. Those
    that begin with the result in the job's record, and only have to record it on the upload as well (the kind `scan`),
    aren't limited."""


class Attempt:
    """One attempt at a job that this node holds: it has the job's kind do the work (`Kind.run`), renews the hold
    meanwhile, and records the outcome."""

    def __init__(self, engine: Engine, kind: Kind, hold: Hold, terms: Terms) -> None:
        self._engine, self._kind, self._hold, self._terms = engine, kind, hold, terms
        self._work: asyncio.Task[Result] | None = None
        self._stopped = False
        self._counts = True
        """False once the job is cancelled, or the hold is lost before an outcome was stored: no outcome is recorded
        then."""

    async def run(self) -> None:
        """Make the attempt. Returns once its outcome is recorded; or, if the job is cancelled or the hold lost, once
        the work has stopped and the uploads that it made are removed, as far as that can be done now.

        Raises StateUnavailable.
        """
        beat = asyncio.create_task(self._hold.beat(), name=f"hold of job {self._hold.job.id}")
        try:
            await self._make(beat)
        except Superseded:
            await end(self._work)  # before the state is asked: that may take long, and another node may hold the job
            self._counts = await self._hold.find_end()
        finally:
            await end(beat, self._work)
        if not self._counts:
            await clear(self._engine, self._hold.job.product_ids)
        elif self._hold.job.ended:
            await self._finish()

    def give_back(self) -> None:
        """Stop the work, for a shutdown: a node does it later, in an attempt with the same number."""
        self._stopped = True
        if self._work is not None:
            self._work.cancel()

    def drop(self) -> None:
        """Stop the work, as the job is cancelled: no outcome is recorded any more."""
        self._counts = False
        self.give_back()

    async def _make(self, beat: asyncio.Task[None]) -> None:
        """Do the work and, unless the job is cancelled meanwhile, record its outcome; `beat` is the task that renews
        the hold. Raises Superseded, StateUnavailable."""
        self._work = work = asyncio.create_task(self._do(), name=f"job {self._hold.job.id}")
        if self._stopped:
            work.cancel()
        await asyncio.wait({work, beat}, timeout=self._terms.seconds, return_when=asyncio.FIRST_COMPLETED)
        if beat.done():
            await beat
        late = not work.done()
        await end(work)
        if self._counts:
            await self._record(work, late=late)

    async def _do(self) -> Result:
        await self._clear()
        if self._hold.job.attempt > self._terms.attempts and self._hold.job.result is None:
            raise JobFault("interrupted", "each node that tried the job died, or could not reach the state")
        work = Work(engine=self._engine, hold=self._hold)
        try:
            return await self._kind.run(work)
        except UploadLost:
            await work.upload()
            raise JobFault("lost", "the upload's bytes are lost") from None

    async def _record(self, work: asyncio.Task[Result], *, late: bool) -> None:
        if not late and not work.cancelled() and work.exception() is None:
            result = work.result()
            await self._hold.save(lambda job: job_life.succeed(job, result, self._engine.clock()))
            return
        change = self._failure(_TIMEOUT if late else None if work.cancelled() else work.exception())
        await self._clear()
        await self._hold.save(lambda job: change(job, self._engine.clock()))

    async def _finish(self) -> None:
        """Tell the observer that the job has ended; clear up after a failure or a cancellation."""
        self._engine.observer.ended(self._hold.job)
        if self._hold.job.result is None:
            await clear_up(self._engine, self._kind, self._hold.job)

    def _failure(self, error: BaseException | None) -> Callable[[Job, float], Job]:
        """Return the change of the job that records how the work ended: queued, for an attempt with the same number,
        if the work was stopped (`error` is None); cancelled if the job's upload has ended; queued for the next attempt;
        or failed. The change is a function of the job and the time, in seconds since the epoch."""
        match error:
            case None:
                return job_life.give_back
            case JobVoid():
                return partial(job_life.cancel, ttl=self._hold.ttl)
        if self._may_retry(error):
            return job_life.retry
        return partial(job_life.fail, ttl=self._hold.ttl, error=self._error(error))

    def _may_retry(self, error: BaseException) -> bool:
        """Return True if the error may pass and an attempt is left. If the job's result is known and only its recording
        failed, attempts aren't counted: a lock, an unavailable state or a timeout doesn't make the job fail then.
        """
        if self._hold.job.result is not None:
            return isinstance(error, _PASSING) or error is _TIMEOUT
        return isinstance(error, _PASSING) and self._hold.job.attempt < self._terms.attempts

    def _error(self, error: BaseException) -> Mapping[str, Any]:
        match error:
            case JobFault():
                return error.error
            case Refusal():
                return {"code": error.code, "message": error.message}
            case Unavailable() | Locked() | Superseded():
                return {"code": "unavailable", "message": "the storage or the state couldn't serve in any attempt"}
        self._engine.observer.trouble("job failed", job=self._hold.job.id, reason=repr(error))
        return {"code": "internal-error", "message": "the server made a mistake; its log has it"}

    async def _clear(self) -> None:
        """Remove the uploads that this attempt or an earlier one has made, as far as that can be done now; the ids of
        the others stay in the job. Raises Superseded, StateUnavailable."""
        if product_ids := self._hold.job.product_ids:
            remaining = tuple(await clear(self._engine, product_ids))
            await self._hold.update(lambda job: replace(job, product_ids=remaining))


_TIMEOUT = JobFault("timeout", "the attempt took longer than jobs-timeout")
