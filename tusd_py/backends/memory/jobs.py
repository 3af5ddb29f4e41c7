"""The records of jobs, in memory: they are lost when the process ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import inf
from operator import attrgetter

from tusd_py.backends.memory.outbox import MemoryOutbox
from tusd_py.backends.pages import read_page
from tusd_py.domain.errors import Superseded
from tusd_py.domain.job import Job, JobId, JobPlace
from tusd_py.domain.job_json import advance_job, decode_job, encode_job
from tusd_py.domain.thresholds import DEFAULT
from tusd_py.domain.upload_id import UploadId
from tusd_py.ports.jobs import JobSelection


class MemoryJobs:
    """A `JobStore` in memory. It keeps each job as the JSON text that the durable stores keep, and as decoded from that
    text, so that it accepts, loads and lists the same jobs as they do."""

    def __init__(self, outbox: MemoryOutbox) -> None:
        self._outbox = outbox
        self._jobs = dict[JobId, Job]()
        self._documents = dict[JobId, str]()

    async def create(self, job: Job) -> Job:
        return self._jobs.get(job.id) or self._put(replace(job, revision=1))

    async def load(self, job_id: JobId) -> Job | None:
        return self._jobs.get(job_id)

    async def revision(self, job_id: JobId) -> int | None:
        job = self._jobs.get(job_id)
        return None if job is None else job.revision

    async def save(self, job: Job) -> Job:
        stored = self._jobs.get(job.id)
        if stored is None or stored.revision != job.revision:
            raise Superseded(f"job {job.id} is no longer at revision {job.revision}")
        saved = self._put(advance_job(job))
        if saved.ended and not stored.ended:
            self._outbox.store_end(saved)
        return saved

    async def due(self, now: float, limit: int) -> Sequence[Job]:
        jobs = self._jobs.values()
        due = sorted((job.due_at, job.id) for job in jobs if job.due_at is not None and job.due_at <= now)
        return [self._jobs[job_id] for _, job_id in due[:limit]]

    async def list(
        self, selection: JobSelection, after: JobPlace | None, limit: int, size: int = DEFAULT.page_size
    ) -> Sequence[Job]:
        jobs = self._jobs.values()
        chosen = [job for job in jobs if selection.includes(job) and (after is None or job.place > after)]
        return self._page(sorted(chosen, key=attrgetter("place"))[:limit], size)

    async def recent(self, upload_id: UploadId, limit: int, size: int = DEFAULT.page_size) -> Sequence[Job]:
        jobs = [job for job in self._jobs.values() if job.upload_id == upload_id]
        return sorted(self._page(sorted(jobs, key=_last_end, reverse=True)[:limit], size), key=attrgetter("place"))

    async def prune(self, before: float, limit: int) -> int:
        jobs = self._jobs.values()
        old = [job.id for job in jobs if job.ended and job.due_at is None and job.updated_at < before][:limit]
        for job_id in old:
            del self._jobs[job_id], self._documents[job_id]
        return len(old)

    def _page(self, jobs: Sequence[Job], size: int) -> Sequence[Job]:
        return read_page(jobs, size, lambda job: self._documents[job.id])

    def _put(self, job: Job) -> Job:
        self._documents[job.id] = encode_job(job)
        self._jobs[job.id] = decode_job(self._documents[job.id])
        return job


def _last_end(job: Job) -> tuple[float, JobPlace]:
    """Return the key by which jobs come in the order of their ends; those that haven't ended are the last."""
    return job.updated_at if job.ended else inf, job.place
