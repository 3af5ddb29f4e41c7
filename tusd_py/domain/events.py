"""Events of uploads, as values."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from tusd_py.domain.caller import NO_CALLER, Caller
from tusd_py.domain.upload import Upload


class EventType(enum.StrEnum):
    """What can happen to an upload, each at most once but for a roll-back."""

    CREATED = "created"
    FINISHED = "finished"
    """Its object exists."""
    TERMINATED = "terminated"
    EXPIRED = "expired"
    """Its time was up: it is removed."""
    LOST = "lost"
    """Nothing is left to go on with: it is removed."""
    ROLLED_BACK = "rolled-back"
    """Bytes that were recorded are gone: clients go on from an earlier offset."""


class Reason(enum.StrEnum):
    """Why an upload ended, or went back."""

    CLIENT = "client"
    OPERATOR = "operator"
    EXPIRED = "expired"
    LOST = "lost"
    REFUSED = "refused"
    """What its client sent isn't what was announced, or more than may be."""
    FAILED_CREATION = "failed-creation"
    """The request that made it failed before its client was told of it."""
    ROLLED_BACK = "rolled-back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One change of an upload that others are told of, by the revision that made it."""

    type: EventType
    upload: Upload
    """As recorded with that change."""
    reason: Reason | None = None
    """None for an upload that was created or finished."""
    before: int | None = None
    """Of a roll-back: the offset that was recorded before it."""
    caller: Caller = NO_CALLER
    """Whose request made the change, or drove it on."""

    @property
    def id(self) -> str:
        """The same each time the change is made again: an upload is created, finished and ended once."""
        return f"evt_{self.upload.id}_{self.type}"
