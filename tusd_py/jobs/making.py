"""The uploads that jobs make: the engine that makes them, the mark of a job in their events, and their URLs."""

from __future__ import annotations

from dataclasses import replace

from tusd_py.domain.caller import Caller
from tusd_py.domain.events import Event
from tusd_py.domain.job import Job
from tusd_py.domain.principal import Allowance, Principal
from tusd_py.domain.upload import Upload
from tusd_py.engine.engine import Engine
from tusd_py.engine.rate_limiter import RateLimiter
from tusd_py.jobs.work import Work

_TARGET = "job:"
"""The beginning of `Caller.target` for a caller that stands for a job; the job's kind follows. A client's target is a
path, which begins with a slash."""


def acting(work: Work, allowance: Allowance) -> Engine:
    """Return the work's engine acting for the job's owner, to whom the uploads that it makes belong; `allowance` is
    their limits. The limit on the rate of creations doesn't apply to jobs: an archive with many members would exceed it
    in each attempt."""
    job = work.job
    principal = Principal(subject=job.owner, tenant=job.tenant, allowance=allowance)
    engine = replace(work.engine, creations=RateLimiter(None))
    return engine.acting_for(Caller(principal=principal, target=f"{_TARGET}{job.kind}", endpoint=job.endpoint))


def maker(event: Event) -> str | None:
    """Return the kind of the job that the event's caller stands for, as in the events of the uploads that `acting`
    makes; None if the caller stands for no job."""
    target = event.caller.target
    return target.removeprefix(_TARGET) if target.startswith(_TARGET) else None


def url(job: Job, upload: Upload) -> str:
    """Return the upload's URL, which begins with the job's creation endpoint (`Job.endpoint`)."""
    return f"{job.endpoint}{upload.url_name}"
