"""The record of one job: work on a finished upload, done outside of requests."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NewType

from tusd_py.domain.principal import account_name
from tusd_py.domain.upload_id import UploadId

JobId = NewType("JobId", str)
"""32 hexadecimal digits."""


class JobPhase(enum.StrEnum):
    """The phases of a job."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


EXPORT = "export"
"""The kind of jobs that have no upload to work on."""
ENDED = frozenset({JobPhase.DONE, JobPhase.FAILED, JobPhase.CANCELLED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """The record of one job. Times are seconds since the epoch."""

    id: JobId
    upload_id: UploadId | None
    """The upload that it works on; None for an export."""
    kind: str
    args: Mapping[str, Any] = field(default_factory=dict)
    owner: str | None = None
    """The subject that asked for it; None if that had no credential."""
    phase: JobPhase = JobPhase.QUEUED
    attempt: int = 0
    """The number of the attempt that runs or ran last; 0 before the first."""
    done: int = 0
    """Bytes that the attempt has worked on."""
    total: int | None = None
    """Bytes in all; None if that is unknown."""
    result: Mapping[str, Any] | None = None
    error: Mapping[str, Any] | None = None
    """`code` and `message` of a failure, and what its kind adds."""
    created_at: float
    updated_at: float
    due_at: float | None
    """The time at which a node may begin it, or, while it runs, at which its node is taken for dead; once it has ended,
    that of the removal of what it made, or None."""
    endpoint: str = ""
    """The creation endpoint's URL as its client sees it, with a slash at its end: what it makes has URLs below it."""
    tenant: str | None = None
    """The tenant of its owner."""
    sees_all: bool = False
    """True if its owner may read all uploads."""
    product_ids: tuple[UploadId, ...] = ()
    """The ids of uploads that its attempt may have made: they are removed unless it is done."""
    revision: int = 0
    """A number that grows by one with each save; a save of an older revision is refused."""

    @property
    def place(self) -> tuple[float, JobId]:
        """The key by which jobs are listed, oldest first."""
        return self.created_at, self.id

    @property
    def upload_or_own_id(self) -> UploadId:
        """The id under which its events are told: that of its upload; its own, if it is an export."""
        return self.upload_id or UploadId(self.id)

    @property
    def account(self) -> str | None:
        """The owner, after the tenant and a slash if there is one; None if it has no owner."""
        return None if self.owner is None else account_name(self.owner, self.tenant)

    @property
    def ended(self) -> bool:
        return self.phase in ENDED
