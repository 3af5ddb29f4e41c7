"""The life of a job: each change as the record that the next save stores. No other module sets the phase of a job.

Its node holds it by `due_at`: until then no other node may claim it. Times are seconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tusd_py.domain.job import Job, JobPhase

_FIRST_PAUSE = 1.0


def claim(job: Job, now: float, ttl: float) -> Job:
    """Return the job as this node's for `ttl` seconds, in its next attempt."""
    return replace(renew(job, now, ttl), phase=JobPhase.RUNNING, attempt=job.attempt + 1, done=0, total=None)


def renew(job: Job, now: float, ttl: float) -> Job:
    """Return the job as the same node's for another `ttl` seconds."""
    return replace(job, updated_at=now, due_at=now + ttl)


def retry(job: Job, now: float) -> Job:
    """Return the job to be done again after a pause of 1 s, 2 s, 4 s, ..."""
    return _queue(job, now, now + _FIRST_PAUSE * 2.0 ** (job.attempt - 1))


def give_back(job: Job, now: float) -> Job:
    """Return the job as it was before its attempt, which doesn't count."""
    return replace(_queue(job, now, now), attempt=job.attempt - 1)


def succeed(job: Job, result: Mapping[str, Any], now: float) -> Job:
    """Return the job as done: it keeps what it has made."""
    done = job.done if job.total is None else job.total
    return replace(_end(job, JobPhase.DONE, now), result=result, done=done, product_ids=(), due_at=None)


def fail(job: Job, error: Mapping[str, Any], now: float) -> Job:
    return replace(_end(job, JobPhase.FAILED, now), error=error)


def cancel(job: Job, now: float) -> Job:
    return _end(job, JobPhase.CANCELLED, now)


def mark_cleared(job: Job, now: float, pause: float | None = None) -> Job:
    """Return the ended job without what its attempts made; with a pause that is yet to be removed then."""
    if pause is None:
        return replace(job, product_ids=(), due_at=None)
    return replace(job, due_at=now + pause)


def _queue(job: Job, now: float, due_at: float) -> Job:
    return replace(job, phase=JobPhase.QUEUED, updated_at=now, due_at=due_at, done=0, total=None)


def _end(job: Job, phase: JobPhase, now: float) -> Job:
    """Return the job as ended. While something that it made is there it stays due, so that a node removes it."""
    return replace(job, phase=phase, updated_at=now, due_at=now if job.product_ids else None, result=None)
