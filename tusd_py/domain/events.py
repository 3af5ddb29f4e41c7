"""Events of uploads and jobs, as values."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from tusd_py.domain.caller import NO_CALLER, Caller
from tusd_py.domain.job import JobId, JobPhase
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId


class EventType(enum.StrEnum):
    """The types of events. Each happens at most once to an upload or a job, except a roll-back."""

    CREATED = "created"
    FINISHED = "finished"
    """Its object exists."""
    TERMINATED = "terminated"
    EXPIRED = "expired"
    """It has expired, and is removed."""
    LOST = "lost"
    """Its bytes are lost beyond repair, and it is removed."""
    ROLLED_BACK = "rolled-back"
    """Recorded bytes are lost: clients continue from an earlier offset."""
    JOB = "job"
    """A job has ended: it is done, failed or cancelled."""


UPLOAD_TYPES = tuple(type_ for type_ in EventType if type_ is not EventType.JOB)
"""The types of events of uploads. Only these are delivered to sinks."""


class Reason(enum.StrEnum):
    """The reason why an upload ended or was rolled back."""

    CLIENT = "client"
    OPERATOR = "operator"
    EXPIRED = "expired"
    LOST = "lost"
    REFUSED = "refused"
    """Its client sent other bytes than it announced, or more than allowed."""
    FAILED_CREATION = "failed-creation"
    """The request that created it failed before its client got the upload's URL."""
    ROLLED_BACK = "rolled-back"
    INFECTED = "infected"
    """A scan found that its content is malicious."""
    UNSCANNED = "unscanned"
    """Its content can't be scanned, and the settings refuse such uploads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A change of an upload that is reported to event sinks."""

    type: EventType
    """One of `UPLOAD_TYPES`."""
    upload: Upload
    """The upload as recorded with that change."""
    reason: Reason | None = None
    """None if the upload was created or finished."""
    before: int | None = None
    """The offset that was recorded before a roll-back; else None."""
    caller: Caller = NO_CALLER
    """The caller whose request made the change, or caused it."""

    @property
    def id(self) -> str:
        """An id that stays the same if the change is made again: an upload is created, finished and ended once."""
        return event_id(self.upload.id, self.type)


def event_id(of: UploadId | JobId, change: EventType | JobPhase) -> str:
    """Return the id of an upload's event of that type, or of the event of a job's end in that phase."""
    return f"evt_{of}_{change}"
