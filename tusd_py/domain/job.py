"""The record of one job: work on a finished upload, or an export of many, done outside of requests."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NewType

from tusd_py.domain.principal import NO_ALLOWANCE, Allowance, account_name
from tusd_py.domain.upload_id import UploadId

JobId = NewType("JobId", str)
"""The id of a job: 32 hexadecimal digits."""
JobPlace = tuple[float, JobId]
"""The creation time and id of a job: jobs are listed in the order of these, oldest first."""


class JobPhase(enum.StrEnum):
    """The phases of a job."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


EXPORT = "export"
"""The kind of jobs that have no upload to work on: they put many uploads (ZIP), or a list of them, into one file."""
ENDED = frozenset({JobPhase.DONE, JobPhase.FAILED, JobPhase.CANCELLED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """The record of one job. Times are seconds since the epoch (UTC)."""

    id: JobId
    upload_id: UploadId | None
    """The upload that the job works on; None for an export."""
    kind: str
    args: Mapping[str, Any] = field(default_factory=dict)
    owner: str | None = None
    """The subject of the credential that asked for the job or, for a required job, created the upload it works on; None
    without one."""
    phase: JobPhase = JobPhase.QUEUED
    attempt: int = 0
    """The number of the attempt that runs, or ran last; 0 before the first. An attempt that a shutdown stopped isn't
    counted."""
    done: int = 0
    """Bytes that the running or last attempt has worked on, as far as saved; 0 again once the job is queued for
    another."""
    total: int | None = None
    """Bytes that an attempt has to work on; None if their number is unknown."""
    result: Mapping[str, Any] | None = None
    """The result of the work; None unless the job is done. Only a job that must also record the result elsewhere, as
    `scan` does on the upload, has it before: its attempts to record it aren't limited in number."""
    error: Mapping[str, Any] | None = None
    """Why the job failed: `code`, `message`, and members that depend on the code. None unless it has failed."""
    created_at: float
    updated_at: float
    due_at: float | None
    """The time of the next step: of an attempt while queued; while running, the time at which the job's node counts as
    dead and another node may claim the job; once failed or cancelled, the time at which a node is to clear up after it,
    or None once one has. None for a done job."""
    endpoint: str = ""
    """The creation endpoint's URL, with a slash at its end, as seen by the client that asked for the job or, for a
    required job, whose request finished the upload; if that is unknown, by the server's settings. URLs of uploads that
    the job makes or lists begin with it."""
    tenant: str | None = None
    """The tenant of the job's owner; None if there is none."""
    sees_all: bool = False
    """True if the client that asked for the job may see the uploads of all owners (`Watcher.sees_all`), so that an
    export may have them; False for a required job."""
    required: bool = False
    """True if the settings ask for the job (`jobs-on-finish`): clients cancel it only if they may see all jobs."""
    allowance: Allowance = NO_ALLOWANCE
    """The limits of the uploads that the job makes (`Allowance.for_jobs`): those of the credential that asked for the
    job, or, for a required job, that created the upload it works on."""
    product_ids: tuple[UploadId, ...] = ()
    """The ids of uploads that attempts may have made, and that are removed after an attempt that doesn't get the job
    done. Empty once they are removed, or once the job is done: its uploads stay then."""
    revision: int = 0
    """A number that grows by one with each save; a save of an older revision is refused."""

    @property
    def place(self) -> JobPlace:
        return self.created_at, self.id

    @property
    def upload_or_own_id(self) -> UploadId:
        """The upload id of the job's events: that of the upload it works on; the job's own id for an export, a job that
        puts many uploads into one file."""
        return self.upload_id or UploadId(self.id)

    @property
    def account(self) -> str | None:
        """The name of the owner's account (`account_name`); None if the job has no owner."""
        return None if self.owner is None else account_name(self.owner, self.tenant)

    @property
    def ended(self) -> bool:
        return self.phase in ENDED
