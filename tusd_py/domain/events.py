"""The events of uploads, as values, and the types and ids of all events, those of jobs included."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from tusd_py.domain.caller import NO_CALLER, Caller
from tusd_py.domain.job import JobId, JobPhase
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId


class EventType(enum.StrEnum):
    """The types of events. An upload or a job has one event of each type at most, except roll-backs. If `repair`
    rebuilds the record of an upload, the event of its creation comes again, with the same id."""

    CREATED = "created"
    FINISHED = "finished"
    """The upload is done: its object exists, and no hook or scan that is asked before has refused it."""
    TERMINATED = "terminated"
    EXPIRED = "expired"
    """The upload has expired, and is removed."""
    LOST = "lost"
    """Bytes of the upload are lost beyond repair, and the upload is removed."""
    ROLLED_BACK = "rolled-back"
    """Recorded bytes are lost: clients continue from an earlier offset."""
    JOB = "job"
    """A job has ended: it is done, failed or cancelled."""


UPLOAD_TYPES = tuple(type_ for type_ in EventType if type_ is not EventType.JOB)
"""The types of events of uploads. Only events of these types are delivered to sinks."""


class Reason(enum.StrEnum):
    """The reason why an upload ended or was rolled back."""

    CLIENT = "client"
    OPERATOR = "operator"
    EXPIRED = "expired"
    LOST = "lost"
    REFUSED = "refused"
    """The client sent other bytes than it announced, or more than allowed, or a hook refused the upload."""
    FAILED_CREATION = "failed-creation"
    """The request or the job that created the upload didn't succeed."""
    ROLLED_BACK = "rolled-back"
    INFECTED = "infected"
    """A scan found that the upload's content is malicious."""
    UNSCANNED = "unscanned"
    """The scanner can't scan the upload's content, and the settings refuse such uploads."""


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
    """The client whose request made or caused the change; for a product of a job, a caller that stands for the job,
    with the target `job:KIND`; `NO_CALLER` for neither."""

    @property
    def id(self) -> str:
        """An id made of the upload's id and the event's type, so that it is the same if the change is recorded again.
        All roll-backs of an upload have the same: an outbox adds the revision to the id of each after the first."""
        return event_id(self.upload.id, self.type)


def event_id(of: UploadId | JobId, change: EventType | JobPhase) -> str:
    """Return the id of an upload's event of type `change`, or of the event of a job's end in phase `change`."""
    return f"evt_{of}_{change}"
