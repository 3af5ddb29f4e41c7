"""The port to the records of jobs, in the same store as those of uploads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tusd_py.domain.job import Job, JobId, JobPlace
from tusd_py.domain.thresholds import DEFAULT
from tusd_py.domain.upload_id import UploadId


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSelection:
    """A choice of jobs: those that fit each of its members. A member that is None fits all."""

    upload_id: UploadId | None = None
    phases: frozenset[str] | None = None
    kind: str | None = None
    account: str | None = None
    """The name of the account of the job's owner (`Job.account`)."""

    def includes(self, job: Job) -> bool:
        """Return True if the job is chosen."""
        return (
            self.upload_id in {None, job.upload_id}
            and (self.phases is None or job.phase in self.phases)
            and self.kind in {None, job.kind}
            and self.account in {None, job.account}
        )


class JobStore(Protocol):
    """Stores the records of jobs. Every method may raise StateUnavailable; every adapter passes tests/contracts."""

    async def create(self, job: Job) -> Job:
        """Store a new job at revision 1 and return it; if a job with that id is stored already, return that one
        unchanged."""

    async def load(self, job_id: JobId) -> Job | None:
        """Return the job, or None."""

    async def revision(self, job_id: JobId) -> int | None:
        """Return the revision of the stored job, or None. Cheap, however large the job is."""

    async def save(self, job: Job) -> Job:
        """Replace the job whose revision is `job.revision`; return the job at its new revision. If that ends the job,
        store the event of its end in the same transaction: like an upload's event, it takes the next number and is
        stored for the sinks that receive it.

        Raises Superseded if the stored revision is another, or if no such job is stored."""

    async def due(self, now: float, limit: int) -> Sequence[Job]:
        """Return up to `limit` jobs whose `due_at` is at or before `now`, the longest due first."""

    async def list(
        self, selection: JobSelection, after: JobPlace | None, limit: int, size: int = DEFAULT.page_size
    ) -> Sequence[Job]:
        """Return up to `limit` of the chosen jobs that follow `after` (None: from the oldest), oldest first
        (`Job.place`). The job of that place need not be stored any more. The page ends early once its jobs have `size`
        characters of JSON together, so that only an empty page tells that there are no more."""

    async def recent(self, upload_id: UploadId, limit: int, size: int = DEFAULT.page_size) -> Sequence[Job]:
        """Return up to `limit` jobs of the upload, oldest first. Jobs that haven't ended are chosen first, then those
        that ended last; no more are chosen once the chosen ones have `size` characters of JSON together."""

    async def prune(self, before: float, limit: int) -> int:
        """Remove up to `limit` jobs that ended before the time `before` (`Job.updated_at`), but none that is still due:
        uploads that it made are yet to be removed, and only it knows their ids. Returns the number of removed jobs."""
