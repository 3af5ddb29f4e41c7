"""The life of a job: each function returns the record that the next save stores. No other module sets the phase of a
job.

A node that works on a job holds it until `due_at`: before that time, no other node may claim it. Times are seconds
since the epoch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tusd_py.domain.job import Job, JobPhase

_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 3600.0
_MOST_DOUBLINGS = 12
"""The most times that the pause before a job's next attempt, 1 s after the first attempt, is doubled: so many make it
longer than `_LONGEST_PAUSE`, an hour, which limits it."""
_LONGEST_PAUSE_TO_RECORD = 64.0
"""The longest pause of a job whose result is known and still to be recorded elsewhere."""


def claim(job: Job, now: float, ttl: float) -> Job:
    """Return the job as running in its next attempt, held by this node for `ttl` seconds."""
    return replace(renew(job, now, ttl), phase=JobPhase.RUNNING, attempt=job.attempt + 1, done=0, total=None)


def renew(job: Job, now: float, ttl: float) -> Job:
    """Return the job as held by the same node for `ttl` seconds from now."""
    return replace(job, updated_at=now, due_at=now + ttl)


def retry(job: Job, now: float) -> Job:
    """Return the job as queued for a further attempt, after a pause of 1 s, 2 s, 4 s, ... by the number of
    attempts, up to an hour. The pause is 64 s at most if the job has a result that is still to be recorded
    elsewhere (`Job.result`): such attempts aren't limited in number.
    """
    longest = _LONGEST_PAUSE if job.result is None else _LONGEST_PAUSE_TO_RECORD
    doublings = min(job.attempt - 1, _MOST_DOUBLINGS)
    return _queue(job, now, now + min(_FIRST_PAUSE * 2.0**doublings, longest))


def give_back(job: Job, now: float) -> Job:
    """Return the job as queued and due now. The attempt that ran doesn't count."""
    return replace(_queue(job, now, now), attempt=job.attempt - 1)


def succeed(job: Job, result: Mapping[str, Any], now: float) -> Job:
    """Return the job as done. The uploads that it has made stay."""
    done = job.done if job.total is None else job.total
    return replace(_end(job, JobPhase.DONE, now), result=result, done=done, product_ids=())


def fail(job: Job, now: float, ttl: float, error: Mapping[str, Any]) -> Job:
    """Return the job as failed, held by this node for `ttl` seconds to clear up after it."""
    return replace(_end(job, JobPhase.FAILED, now), due_at=now + ttl, error=error)


def cancel(job: Job, now: float, ttl: float) -> Job:
    """Return the job as cancelled, held by this node for `ttl` seconds to clear up after it."""
    return replace(_end(job, JobPhase.CANCELLED, now), due_at=now + ttl)


def hold_ended(job: Job, now: float, ttl: float) -> Job:
    """Return the ended job as held by this node for `ttl` seconds to clear up after it."""
    return replace(job, due_at=now + ttl)


def mark_cleared(job: Job) -> Job:
    """Return the failed or cancelled job as one after which a node has cleared up: none of its products is left."""
    return replace(job, product_ids=(), due_at=None)


def _queue(job: Job, now: float, due_at: float) -> Job:
    return replace(job, phase=JobPhase.QUEUED, updated_at=now, due_at=due_at, done=0, total=None)


def _end(job: Job, phase: JobPhase, now: float) -> Job:
    return replace(job, phase=phase, updated_at=now, due_at=None, result=None)
