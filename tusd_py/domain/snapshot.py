"""An upload as its listeners are told of it: its record, the reason of its end, and its jobs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tusd_py.domain.events import EventType, Reason
from tusd_py.domain.job import Job
from tusd_py.domain.rights import without_content
from tusd_py.domain.upload import Upload

FINISHED = "finished"
_TOLD_REASONS = frozenset({Reason.INFECTED, Reason.UNSCANNED})
"""Reasons of a termination that are told instead of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """An upload at one moment."""

    upload: Upload
    """The record; of an upload that is gone, that of its end."""
    seq: int
    """The number of its last event."""
    end: str | None = None
    """The reason of its end: `finished`, or the one for which it is gone. None while it has none."""
    jobs: Sequence[Job] = ()
    settled: bool = False
    """True if nothing of it changes any more: it is gone, or done with all its jobs ended."""

    @property
    def is_gone(self) -> bool:
        return self.end is not None and self.end != FINISHED

    @property
    def version(self) -> tuple[int, bool, int, bool]:
        """A value that grows with each change."""
        return self.upload.revision, self.is_gone, sum(job.revision for job in self.jobs), self.settled

    def without_content(self) -> Snapshot:
        """Return the snapshot for a listener that only knows the upload's URL: without metadata, owner and jobs."""
        return replace(self, upload=replace(without_content(self.upload), owner=None), jobs=())

    def ended(self, reason: str) -> Snapshot:
        """Return the snapshot of the same upload once it is gone."""
        return replace(self, end=reason, settled=True)


def end_reason(type_: EventType, reason: Reason | None) -> str:
    """Return the word for the end of an upload that had this event."""
    return str(reason) if reason in _TOLD_REASONS else str(type_)
