"""The records of jobs, in memory: they are lost when the process ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tusd_py.backends.memory.outbox import MemoryOutbox
from tusd_py.backends.pages import read_page
from tusd_py.domain.errors import Superseded
from tusd_py.domain.job import Job, JobId, JobPlace
from tusd_py.domain.job_json import advance_job, decode_job, encode_job
from tusd_py.domain.thresholds import DEFAULT
from tusd_py.domain.upload_id import UploadId
from tusd_py.ports.jobs import JobSelection


class MemoryJobs:
    """A `JobStore` in memory. It keeps JSON text like the durable stores, so that it accepts and returns the same."""

    def __init__(self, outbox: MemoryOutbox) -> None:
        self._outbox = outbox
        self._documents = dict[JobId, str]()

    async def create(self, job: Job) -> Job:
        return await self.load(job.id) or self._put(replace(job, revision=1))

    async def load(self, job_id: JobId) -> Job | None:
        document = self._documents.get(job_id)
        return None if document is None else decode_job(document)

    async def revision(self, job_id: JobId) -> int | None:
        job = await self.load(job_id)
        return None if job is None else job.revision

    async def save(self, job: Job) -> Job:
        stored = await self.load(job.id)
        if stored is None or stored.revision != job.revision:
            raise Superseded(f"job {job.id} is no longer at revision {job.revision}")
        saved = self._put(advance_job(job))
        if saved.ended and not stored.ended:
            self._outbox.store_end(saved)
        return saved

    async def due(self, now: float, limit: int) -> Sequence[Job]:
        due = sorted((job.due_at, job.id) for job in self._jobs() if job.due_at is not None and job.due_at <= now)
        return [decode_job(self._documents[job_id]) for _, job_id in due[:limit]]

    async def list(
        self, selection: JobSelection, after: JobPlace | None, limit: int, size: int = DEFAULT.page_size
    ) -> Sequence[Job]:
        chosen = [job for job in self._jobs() if selection.includes(job) and (after is None or job.place > after)]
        jobs = sorted(chosen, key=lambda job: job.place)[:limit]
        return read_page(jobs, size, lambda job: self._documents[job.id])

    async def newest(self, upload_id: UploadId, limit: int) -> Sequence[Job]:
        jobs = [job for job in self._jobs() if job.upload_id == upload_id]
        return sorted(jobs, key=lambda job: job.place)[max(len(jobs) - limit, 0) :]

    async def prune(self, before: float, limit: int) -> int:
        old = [job.id for job in self._jobs() if job.ended and job.due_at is None and job.updated_at < before][:limit]
        for job_id in old:
            del self._documents[job_id]
        return len(old)

    def _jobs(self) -> Sequence[Job]:
        return [decode_job(document) for document in self._documents.values()]

    def _put(self, job: Job) -> Job:
        self._documents[job.id] = encode_job(job)
        return job
