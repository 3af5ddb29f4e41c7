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
from tusd_py.domain.job import Job
from tusd_py.domain.job_json import advance_job, encode_job
from tusd_py.ports.jobs import JobStore

T = TypeVar("T")
Change = Callable[[Job], Job]

_BEAT_SECONDS = 1.0
"""The most seconds between two looks at the job's record, as a third of the hold's lifetime may be less: a look saves
progress, and detects that another process changed the job, as by cancelling it."""
_RENEWALS = 3
"""Renewals within the lifetime of a hold, so that one may fail."""
_AGAIN_SECONDS = 0.5
_LARGE = 64 * 1024
"""Characters of a job's record above which progress isn't saved at each look, but only with a renewal of the hold or
another change of the job: each save writes all of the record, as an export's with 100,000 ids."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenure:
    """The store of jobs, the clock, and the lifetime of holds."""

    store: JobStore
    clock: Callable[[], float]
    """The time in seconds since the epoch."""
    ttl: float
    """Seconds after its last renewal for which a job is held."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sent:
    """A save that was sent: if it got no answer, it may have been stored."""

    job: Job
    change: Change
    began: float
    """The event loop's time before the save was sent."""

    def has_stored(self, stored: Job | None) -> bool:
        return stored is not None and encode_job(stored) == encode_job(advance_job(self.job))


class Hold:
    """The hold of one job, which runs out `ttl` seconds after its last renewal. A node whose hold has run out, or whose
    job another process has changed, has to stop: its saves raise Superseded."""

    def __init__(self, tenure: Tenure, job: Job, since: float) -> None:
        """Hold the claimed job; `since` is the event loop's time before the claim was saved."""
        self.job = job
        """The job as this node has stored it last."""
        self._progress = job.done, job.total
        self._is_large = _is_large(job)
        self._tenure, self._renewed_at = tenure, since
        self._saving = asyncio.Lock()
        self._unanswered = list[_Sent]()
        """The saves that were sent since `job` was stored, and that got no answer: one of them may be stored as the
        next revision."""

    @property
    def ttl(self) -> float:
        return self._tenure.ttl

    def report(self, done: int, total: int | None) -> None:
        """Set the progress, in bytes, that `beat` saves at its next look at the record, or at its next renewal if the
        record is larger than `_LARGE`, and that any other save includes; `total` is None if unknown."""
        self._progress = done, total

    async def beat(self) -> None:
        """Renew the hold and save progress, periodically. Never returns: raises Superseded when the hold is lost."""
        while True:
            await asyncio.sleep(max(min(_BEAT_SECONDS, self._tenure.ttl / _RENEWALS, self._deadline - _now()), 0.0))
            async with self._saving:
                with suppress(StateUnavailable):
                    await self._look()
                self._check()

    async def update(self, change: Change) -> None:
        """Save a change of the running job, as `save` does, and renew the hold. Raises Superseded."""
        await self.save(lambda job: self._renewed(change(job)))

    async def save(self, change: Change) -> None:
        """Save the job, with its progress, as `change` returns it. While the state is unavailable, try again until the
        hold runs out. Raises Superseded once it has, or if another process has changed or removed the job."""
        async with self._saving:
            while True:
                self._check()
                try:
                    await self._save(change)
                    break
                except StateUnavailable:
                    await asyncio.sleep(max(min(_AGAIN_SECONDS, self._deadline - _now()), 0.0))
            self._is_large = self._is_large or _is_large(self.job)

    async def find_end(self) -> bool:
        """Return True if this attempt has recorded the job's end, although its last save raised Superseded: it was
        stored, but its answer was lost. `job` is the stored job then. Raises StateUnavailable."""
        with suppress(Superseded):
            self._adopt(await self._tenure.store.load(self.job.id))
        return self.job.ended

    async def _look(self) -> None:
        progressed = self._progress != (self.job.done, self.job.total)
        due = _now() >= self._renewed_at + self._tenure.ttl / _RENEWALS
        if due or (progressed and not self._is_large):
            await self._save(self._renewed)
        else:
            await self._compare()

    @property
    def _advanced(self) -> Job:
        """The job with the progress that was reported last."""
        done, total = self._progress
        return replace(self.job, done=done, total=total)

    def _renewed(self, job: Job) -> Job:
        return job_life.renew(job, self._tenure.clock(), self._tenure.ttl)

    async def _save(self, change: Change) -> None:
        """Save the job as `change` returns it, unless an earlier save of this change turns out to be stored. Raises
        Superseded, StateUnavailable."""
        request = _Sent(job=change(self._advanced), change=change, began=_now())
        self._unanswered.append(request)
        try:
            saved = await self._within_hold(self._tenure.store.save(request.job))
        except Superseded:
            if self._adopt(await self._load()) is not change:
                await self._save(change)
        else:
            self._go_on(saved, request.began)

    async def _compare(self) -> None:
        """Raise Superseded if another process has changed or removed the job, or if the hold has run out, before the
        store is asked or meanwhile. If a save of this hold that got no answer has stored the job, go on from the stored
        job. Raises StateUnavailable."""
        self._check()
        revision = await self._within_hold(self._tenure.store.revision(self.job.id))
        if revision != self.job.revision:
            self._adopt(await self._load())

    def _adopt(self, stored: Job | None) -> Change:
        """Go on from `stored`, the job in the store, if a save of this hold that got no answer has stored it;
        return the change of that save. Raises Superseded if not: another process has changed or removed the job.
        """
        own = next((request for request in self._unanswered if request.has_stored(stored)), None)
        if stored is None or own is None:
            raise Superseded(f"job {self.job.id} is held no longer")
        self._go_on(stored, own.began)
        return own.change

    def _go_on(self, job: Job, began: float) -> None:
        self.job, self._renewed_at = job, began
        self._unanswered.clear()

    async def _load(self) -> Job | None:
        self._check()
        return await self._within_hold(self._tenure.store.load(self.job.id))

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


def _is_large(job: Job) -> bool:
    return len(encode_job(job)) > _LARGE


def _now() -> float:
    return asyncio.get_running_loop().time()
