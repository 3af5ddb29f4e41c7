"""The hold: the right of a node to work on one job. Every save is a compare-and-set, so that no other node works on the
job, too."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TypeVar

from tusd_py.domain import job_life
from tusd_py.domain.errors import StateUnavailable, Superseded
from tusd_py.domain.job import Job, JobPhase
from tusd_py.ports.jobs import JobStore

T = TypeVar("T")

_BEAT_SECONDS = 1.0
"""Seconds between two looks at the job's record: a look saves progress, and detects that another node cancelled the
job."""
_RENEWALS = 3
"""Renewals within the lifetime of a hold, so that one may fail."""
_AGAIN_SECONDS = 0.5
_OUTCOMES = frozenset({JobPhase.DONE, JobPhase.FAILED})
"""The phases that only the attempt itself records."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenure:
    """The store of jobs, the clock, and the lifetime of holds."""

    store: JobStore
    clock: Callable[[], float]
    """The time in seconds since the epoch."""
    ttl: float
    """Seconds after its last renewal for which a job is held."""


class Hold:
    """The hold of one job, which runs out `ttl` seconds after its last renewal. A node whose hold has run out, or whose
    job another process has changed, has to stop: its saves raise Superseded."""

    def __init__(self, tenure: Tenure, job: Job, since: float) -> None:
        """Hold the claimed job; `since` is the event loop's time before the claim was saved."""
        self.job = job
        """The job as this node has stored it last."""
        self._progress = job.done, job.total
        self._tenure, self._renewed_at = tenure, since
        self._saving = asyncio.Lock()

    def report(self, done: int, total: int | None) -> None:
        """Set the progress, in bytes, that `beat` saves at its next look at the record; `total` is None if unknown."""
        self._progress = done, total

    async def beat(self) -> None:
        """Renew the hold and save progress, periodically. Never returns: raises Superseded when the hold is lost."""
        while True:
            await asyncio.sleep(max(min(_BEAT_SECONDS, self._tenure.ttl / _RENEWALS, self._deadline - _now()), 0.0))
            async with self._saving:
                with suppress(StateUnavailable):
                    await self._look()
                self._check()

    async def update(self, change: Callable[[Job], Job]) -> None:
        """Save a change of the running job, as `save` does, and renew the hold. Raises Superseded."""
        await self.save(lambda job: self._renewed(change(job)))

    async def save(self, change: Callable[[Job], Job]) -> None:
        """Save the job, with its progress, as `change` returns it. While the state is unavailable, try again until the
        hold runs out. Raises Superseded."""
        async with self._saving:
            while True:
                self._check()
                try:
                    await self._save(change(self._advanced))
                    break
                except StateUnavailable:
                    await asyncio.sleep(max(min(_AGAIN_SECONDS, self._deadline - _now()), 0.0))

    async def find_end(self) -> bool:
        """Return True if this attempt is recorded as done or failed, although its last save raised Superseded: an
        earlier save was stored but its answer was lost. `job` is the stored job then. Raises StateUnavailable."""
        stored = await self._tenure.store.load(self.job.id)
        if stored is None or stored.phase not in _OUTCOMES or stored.attempt != self.job.attempt:
            return False
        self.job = stored
        return True

    async def _look(self) -> None:
        if _now() >= self._renewed_at + self._tenure.ttl / _RENEWALS or self._progress != (
            self.job.done,
            self.job.total,
        ):
            await self._save(self._renewed(self._advanced))
        else:
            await self._compare()

    @property
    def _advanced(self) -> Job:
        """The job with the progress that was reported last."""
        done, total = self._progress
        return replace(self.job, done=done, total=total)

    def _renewed(self, job: Job) -> Job:
        return job_life.renew(job, self._tenure.clock(), self._tenure.ttl)

    async def _save(self, job: Job) -> None:
        began = _now()
        self.job = await self._within_hold(self._tenure.store.save(job))
        self._renewed_at = began

    async def _compare(self) -> None:
        """Raise Superseded if another process has changed or removed the job, or if the hold runs out meanwhile. Raises
        StateUnavailable."""
        stored = await self._within_hold(self._tenure.store.load(self.job.id))
        if stored is None or stored.revision != self.job.revision:
            raise Superseded(f"job {self.job.id} is held no longer")

    async def _within_hold(self, asking: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout_at(self._deadline):
                return await asking
        except TimeoutError:
            raise Superseded(f"job {self.job.id} couldn't be renewed in time") from None

    def _check(self) -> None:
        if _now() >= self._deadline:
            raise Superseded(f"job {self.job.id} couldn't be renewed in time")

    @property
    def _deadline(self) -> float:
        return self._renewed_at + self._tenure.ttl


def _now() -> float:
    return asyncio.get_running_loop().time()
