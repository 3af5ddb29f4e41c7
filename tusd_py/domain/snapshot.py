"""An upload as its listeners see it: its record, the reason of its end, and its jobs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tusd_py.domain.events import EventType, Reason
from tusd_py.domain.job import Job
from tusd_py.domain.rights import without_content
from tusd_py.domain.upload import Upload

FINISHED = "finished"
_TOLD_REASONS = frozenset({Reason.INFECTED, Reason.UNSCANNED})
"""Reasons of a termination that listeners are told in place of `terminated`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """An upload at one moment, as its listeners see it."""

    upload: Upload
    """The upload's record; if it has ended, its last one."""
    seq: int
    """The number of the upload's last event in the outbox."""
    end: str | None = None
    """`finished`, or the result of `end_reason` once the upload is gone; None before."""
    jobs: Sequence[Job] = ()
    settled: bool = False
    """True if nothing in the snapshot changes any more: the upload is gone, or done with all its jobs ended."""

    @property
    def is_gone(self) -> bool:
        return self.end is not None and self.end != FINISHED

    @property
    def version(self) -> tuple[int, bool, int, bool]:
        """A tuple that grows with each change of the upload or its jobs: the larger one is of the newer snapshot."""
        return self.upload.revision, self.is_gone, sum(job.revision for job in self.jobs), self.settled

    def without_content(self) -> Snapshot:
        """Return the snapshot for a listener that only knows the upload's URL: without metadata, owner and jobs."""
        return replace(self, upload=replace(without_content(self.upload), owner=None), jobs=())

    def ended(self, reason: str) -> Snapshot:
        """Return the snapshot of the upload once it is gone for `reason`."""
        return replace(self, end=reason, settled=True)


def end_reason(type_: EventType, reason: Reason | None) -> str:
    """Return the reason of an upload's end as listeners are told it: `infected` or `unscanned`, else the type of the
    event."""
    return str(reason) if reason in _TOLD_REASONS else str(type_)
