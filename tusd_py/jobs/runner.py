"""The runner of jobs: one in each serving process whose settings have jobs. Holds (`jobs.hold`) keep two runners from
doing the same job."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial

from tusd_py.domain import job_life
from tusd_py.domain.errors import Superseded, Unavailable
from tusd_py.domain.job import Job, JobId
from tusd_py.domain.job_faults import JobFault
from tusd_py.engine.engine import Engine
from tusd_py.jobs.attempt import Attempt, Terms
from tusd_py.jobs.clearing import clear_up
from tusd_py.jobs.hold import Hold, Tenure
from tusd_py.jobs.work import Args, Kind, Kinds, PlainKind, Result, Work
from tusd_py.tasks import end

_POLL_SECONDS = 1.0
"""The maximum number of seconds between two looks for due jobs, which other processes may have stored."""
_PRUNE_SECONDS = 600.0
_DRAIN_SECONDS = 5.0
"""Seconds in which attempts must stop, and be recorded, when the server shuts down: those left are cancelled. The
cancellation of a job waits as long for its attempt to end, and then no longer, while the attempt goes on stopping."""


class _Missing(PlainKind):
    """A stand-in for each kind of job that this server's settings lack: such jobs fail with bad-job."""

    def check(self, args: Args) -> Args:
        return args

    async def run(self, work: Work) -> Result:
        raise JobFault("bad-job", f"this server's settings have no jobs of kind {work.job.kind}")


@dataclass(kw_only=True, eq=False)
class Runner:
    """The runner of one process: it starts attempts at due jobs, and stops them when the server shuts down."""

    engine: Engine
    tenure: Tenure
    kinds: Kinds
    terms: Terms
    concurrency: int
    """The most jobs that this process does, or clears up after, at a time."""
    retention: float
    """Seconds from its end for which an ended job is kept."""
    _ended: bool = False
    _readable: bool = True
    """False after a look for due jobs that failed: only the first failure in a row is logged."""
    _woken: asyncio.Event = field(default_factory=asyncio.Event)
    _attempts: dict[JobId, Attempt] = field(default_factory=dict)
    _tasks: dict[JobId, asyncio.Task[None]] = field(default_factory=dict)
    _looking: asyncio.Task[None] | None = None
    _draining: asyncio.Task[None] | None = None

    def wake(self) -> None:
        """Have `running` look for due jobs now."""
        self._woken.set()

    def kind_of(self, job: Job) -> Kind:
        """Return the kind of the job; if the settings lack that kind, a stand-in (`_Missing`) that fails the job with
        the code bad-job."""
        return self.kinds.get(job.kind) or _Missing()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Start attempts at due jobs, and remove ended jobs whose retention is over, until the end of the context; then
        call `close`, which stops the attempts under way, and wait until that is recorded. Attempts that aren't recorded
        after 5 seconds are cancelled and waited for."""
        self._looking = asyncio.create_task(self._run(), name="jobs")
        tending = asyncio.create_task(self._tend(), name="old jobs")
        try:
            yield
        finally:
            self.close()
            await asyncio.gather(*filter(None, [self._draining]))
            await end(self._looking, tending)

    def close(self) -> None:
        """Begin no more jobs, and give back those that are running: another node does them, or this one after its
        restart. Returns at once; the end of `running` waits for the rest."""
        self._ended = True
        self.wake()
        if self._draining is None:
            self._draining = asyncio.create_task(self._drain(), name="jobs under way")

    async def drop(self, job_id: JobId) -> bool:
        """Stop the attempt at a cancelled job, if this process makes it, and wait until it has ended and the uploads
        that it made are removed, as far as that can be done now; at most 5 seconds. Return True if such an attempt has
        ended; False if there is none, or if it still runs."""
        attempt, task = self._attempts.get(job_id), self._tasks.get(job_id)
        if attempt is not None and task is not None:
            attempt.drop()
            await asyncio.wait({task}, timeout=_DRAIN_SECONDS)
        return task is not None and task.done()

    async def _run(self) -> None:
        while not self._ended:
            self._woken.clear()
            await self._look()
            with suppress(TimeoutError):
                async with asyncio.timeout(_POLL_SECONDS):
                    await self._woken.wait()

    async def _look(self) -> None:
        """Start attempts at due jobs, up to the concurrency. Raises no error: the next look tries again. An error is
        logged, unless the look before failed, too."""
        try:
            await self._start_due()
        except Exception as error:  # noqa: BLE001  the server goes on
            if self._readable:
                self.engine.observer.trouble("jobs not read", reason=str(error) or repr(error))
            self._readable = False
        else:
            self._readable = True

    async def _start_due(self) -> None:
        free = self.concurrency - len(self._tasks)
        if free <= 0:
            return
        due = await self.tenure.store.due(self.tenure.clock(), free + len(self._tasks))
        for job in [job for job in due if job.id not in self._tasks][:free]:
            if self._ended:
                return
            with suppress(Superseded):
                await self._start(job)

    async def _start(self, job: Job) -> None:
        """Claim the job and begin an attempt at it; if it has ended, begin to clear up after it. Raises Superseded
        (another process has changed it), StateUnavailable."""
        now, since, kind = self.tenure.clock(), asyncio.get_running_loop().time(), self.kind_of(job)
        if job.ended:
            held_job = await self.tenure.store.save(job_life.hold_ended(job, now, self.tenure.ttl))
            self._begin(held_job, partial(clear_up, self.engine, kind, held_job))
            return
        claimed_job = await self.tenure.store.save(job_life.claim(job, now, self.tenure.ttl))
        hold = Hold(self.tenure, claimed_job, since)
        attempt = self._attempts[claimed_job.id] = Attempt(self.engine, kind, hold, self.terms)
        self._begin(claimed_job, attempt.run)
        if self._ended:
            attempt.give_back()

    def _begin(self, job: Job, work: Callable[[], Awaitable[None]]) -> None:
        task = self._tasks[job.id] = asyncio.create_task(self._finish(job, work), name=f"attempt at job {job.id}")
        task.add_done_callback(lambda _: self._free(job.id))

    async def _finish(self, job: Job, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except Unavailable as error:
            self.engine.observer.trouble("job not recorded", job=job.id, reason=str(error))
        except Exception as error:  # noqa: BLE001  other jobs go on
            self.engine.observer.trouble("job failed", job=job.id, reason=repr(error))

    def _free(self, job_id: JobId) -> None:
        self._attempts.pop(job_id, None)
        self._tasks.pop(job_id, None)
        self.wake()

    async def _drain(self) -> None:
        for attempt in self._attempts.values():
            attempt.give_back()
        with suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN_SECONDS):
                if self._looking is not None:
                    await asyncio.wait({self._looking})  # it may be about to claim one more
                while self._tasks:
                    await asyncio.wait(self._tasks.values())
        await end(*self._tasks.values())

    async def _tend(self) -> None:
        """Remove the jobs whose retention is over, at the start and every 10 minutes. Never returns."""
        while True:
            with suppress(Unavailable):
                await self.prune()
            await asyncio.sleep(_PRUNE_SECONDS)

    async def prune(self) -> None:
        """Remove the jobs whose retention is over. Raises StateUnavailable."""
        before, limit = self.tenure.clock() - self.retention, self.engine.thresholds.pruned
        while await self.tenure.store.prune(before, limit) == limit:
            pass
