"""The store of jobs behind the simulated network, and a ledger of what must never happen to a job."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from tests.simulation.loop import MACHINE, Machine
from tests.simulation.network import Network, at_once
from tests.simulation.shared import STATE
from tusd_py.backends.memory.jobs import MemoryJobs
from tusd_py.domain.job import Job, JobId, JobPhase, JobPlace
from tusd_py.domain.thresholds import DEFAULT
from tusd_py.domain.upload_id import UploadId
from tusd_py.engine.engine import Engine
from tusd_py.jobs.work import Args, Kind, Result, Work
from tusd_py.ports.jobs import JobSelection

_LOOK = 0.25
"""The seconds between two checks of a running attempt for broken promises (`Ledger.watch`)."""
_LATE = 0.05
"""The seconds for which an attempt may go on after its hold ended or its paused machine woke."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Attempt:
    machine: Machine
    work: Work
    task: asyncio.Task[Result]

    def is_live(self, now: float) -> bool:
        """Return True if the attempt runs, without a request to stop, on a machine that hasn't crashed, and the hold
        that its node knows of lasts at `now`."""
        stopping = self.machine.crashed.done() or self.task.cancelling()
        return not stopping and (self.work.job.due_at or 0.0) > now


class Ledger:
    """A record of the attempts at jobs, and in `faults` of broken promises: two attempts at one job at a time, an
    attempt without a hold or long after the job's end, an attempt that a node began before the job was due."""

    def __init__(self, clock: Callable[[], float], committed: Callable[[], None], patience: float) -> None:
        """Keep a ledger in which an attempt may go on for `patience` seconds after its job's end. Stores call
        `committed` at each creation or save of a job."""
        self._clock, self.committed, self._patience = clock, committed, patience
        self._ended = dict[JobId, float]()
        """The times at which jobs ended, in seconds since the epoch."""
        self._attempts = dict[JobId, list[_Attempt]]()
        self.faults: list[str] = []
        """The broken promises, in words."""
        self.requested_ids: set[JobId] = set()
        """The ids of jobs that clients have asked for. A client that gets no answer asks again, with another id."""
        self.known_ids: set[JobId] = set()
        """The ids of jobs that a client was told."""
        self.cancelled: set[JobId] = set()
        """Jobs of which a client was told that they are cancelled."""
        self.due_members: dict[JobId, set[UploadId]] = {}
        """The ids of the uploads that an export must have as members, unless they have ended meanwhile, by the id of
        its job: those complete when all were asked for; none for an export of chosen uploads."""
        self.unwanted: set[JobId] = set()
        """The ids of jobs that a client asked to cancel, with or without an answer."""

    def note(self, stored: Job | None, saved: Job) -> None:
        """Record the end of a job that was saved as ended, and a fault if the job was claimed before it was due.
        `stored` is the job before the save."""
        if saved.ended:
            self._ended.setdefault(saved.id, self._clock())
        claimed = stored is not None and saved.phase is JobPhase.RUNNING and saved.attempt > stored.attempt
        if stored is not None and claimed and (stored.due_at is None or stored.due_at > self._clock()):
            self.faults.append(f"job {saved.id} was claimed before it was due")

    async def watch(self, work: Work, task: asyncio.Task[Result]) -> None:
        """Record the attempt that does `work` in `task`, and check it for broken promises every `_LOOK` seconds, until
        the task that runs this method is cancelled. Called on the attempt's machine."""
        machine = MACHINE.get()
        assert machine is not None
        attempt = _Attempt(machine=machine, work=work, task=task)
        rivals = self._attempts.setdefault(work.job.id, [])
        rivals.append(attempt)
        try:
            while True:
                self._look(attempt, rivals)
                await asyncio.sleep(_LOOK)
        finally:
            rivals.remove(attempt)

    def _look(self, attempt: _Attempt, rivals: Sequence[_Attempt]) -> None:
        now, machine = self._clock(), attempt.machine
        if attempt.task.cancelling() or machine.just_woke(_LATE):
            return
        if sum(rival.is_live(now) for rival in rivals) > 1:
            self.faults.append(f"two attempts at job {attempt.work.job.id}: {[rival.machine.name for rival in rivals]}")
        if (attempt.work.job.due_at or 0.0) <= now - _LATE:
            self.faults.append(f"{machine.name} works on at job {attempt.work.job.id}, which it holds no longer")
        if self._ended.get(attempt.work.job.id, now) < now - self._patience:
            self.faults.append(f"{machine.name} works on at job {attempt.work.job.id}, which has ended")


class WatchedKind:
    """A kind of jobs that does what `kind` does, and has a `Ledger` check each attempt for broken promises."""

    def __init__(self, kind: Kind, ledger: Ledger) -> None:
        self._kind, self._ledger = kind, ledger

    def check(self, args: Args) -> Args:
        return self._kind.check(args)

    async def begin(self, engine: Engine, job: Job) -> None:
        await self._kind.begin(engine, job)

    async def give_up(self, engine: Engine, job: Job) -> None:
        await self._kind.give_up(engine, job)

    async def run(self, work: Work) -> Result:
        task = asyncio.current_task()
        assert task is not None
        watching = asyncio.create_task(self._ledger.watch(work, task))
        try:
            return await self._kind.run(work)
        finally:
            watching.cancel()


class SimulatedJobs:
    """The store of jobs as one node reaches it, over the simulated network."""

    def __init__(self, network: Network, jobs: MemoryJobs, ledger: Ledger) -> None:
        self._network, self._jobs, self._ledger = network, jobs, ledger

    async def create(self, job: Job) -> Job:
        return await self._network.ask(STATE, "jobs.create", lambda: self._created(job))

    async def load(self, job_id: JobId) -> Job | None:
        return await self._network.ask(STATE, "jobs.load", lambda: at_once(self._jobs.load(job_id)))

    async def revision(self, job_id: JobId) -> int | None:
        return await self._network.ask(STATE, "jobs.revision", lambda: at_once(self._jobs.revision(job_id)))

    async def save(self, job: Job) -> Job:
        return await self._network.ask(STATE, "jobs.save", partial(self._saved, job))

    async def due(self, now: float, limit: int) -> Sequence[Job]:
        return await self._network.ask(STATE, "jobs.due", lambda: at_once(self._jobs.due(now, limit)))

    async def list(
        self, selection: JobSelection, after: JobPlace | None, limit: int, size: int = DEFAULT.page_size
    ) -> Sequence[Job]:
        listed = self._jobs.list
        return await self._network.ask(STATE, "jobs.list", lambda: at_once(listed(selection, after, limit, size)))

    async def recent(self, upload_id: UploadId, limit: int, size: int = DEFAULT.page_size) -> Sequence[Job]:
        recent = self._jobs.recent
        return await self._network.ask(STATE, "jobs.recent", lambda: at_once(recent(upload_id, limit, size)))

    async def prune(self, before: float, limit: int) -> int:
        return await self._network.ask(STATE, "jobs.prune", lambda: at_once(self._jobs.prune(before, limit)))

    def _created(self, job: Job) -> Job:
        self._ledger.committed()
        return at_once(self._jobs.create(job))

    def _saved(self, job: Job) -> Job:
        stored = at_once(self._jobs.load(job.id))
        saved = at_once(self._jobs.save(job))
        self._ledger.note(stored, saved)
        self._ledger.committed()
        return saved
