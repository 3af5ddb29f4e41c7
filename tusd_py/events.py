"""Events of uploads as values, and the ports that are told: observers of what happens, a meter of what it takes.

Below the rooms that tell; does nothing itself.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from tusd_py.model import Unfinished, Upload, UploadId


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

    @property
    def id(self) -> str:
        """The same each time the change is made again: an upload is created, finished and ended once."""
        return f"evt_{self.upload.id}_{self.type}"


class Observer:
    """Told of what has happened, after it counts. Methods return at once and never raise; here they do nothing."""

    def notify(self, event: Event) -> None:
        """An upload has changed, and its record says so."""

    def trouble(self, what: str, **fields: object) -> None:
        """Something an operator should know, in a few words, with the values that say where."""


class Observers(Observer):
    """Tells several observers, in order."""

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._observers = observers

    def notify(self, event: Event) -> None:
        for observer in self._observers:
            observer.notify(event)

    def trouble(self, what: str, **fields: object) -> None:
        for observer in self._observers:
            observer.trouble(what, **fields)


class Meter:
    """Takes measurements. Methods return at once and never raise; here they do nothing."""

    def bytes_received(self, count: int) -> None:
        """So many bytes of a request's body were taken."""

    def s3_request(self, operation: str, seconds: float, outcome: str) -> None:
        """One call to S3 by its S3 name (`UploadPart`); `outcome` is `ok` or an S3 error code."""

    def lock_waited(self, seconds: float, *, got: bool) -> None:
        """A request had its turn after so long, or gave up."""

    def space_seen(self, store: str, free: float, *, full: bool) -> None:
        """A look at the bytes that are free in the `state` or the `storage`: infinite where no end is known."""

    def unfinished_seen(self, unfinished: Unfinished) -> None:
        """A look at how many uploads are unfinished, on all nodes."""

    def leftover_removed(self, upload_id: UploadId, name: str) -> None:
        """Something that a crash had left in the storage, and no upload needed."""


class Meters(Meter):
    """Several meters, which each measure all of it."""

    def __init__(self, meters: Sequence[Meter]) -> None:
        self._meters = meters

    def bytes_received(self, count: int) -> None:
        for meter in self._meters:
            meter.bytes_received(count)

    def s3_request(self, operation: str, seconds: float, outcome: str) -> None:
        for meter in self._meters:
            meter.s3_request(operation, seconds, outcome)

    def lock_waited(self, seconds: float, *, got: bool) -> None:
        for meter in self._meters:
            meter.lock_waited(seconds, got=got)

    def space_seen(self, store: str, free: float, *, full: bool) -> None:
        for meter in self._meters:
            meter.space_seen(store, free, full=full)

    def unfinished_seen(self, unfinished: Unfinished) -> None:
        for meter in self._meters:
            meter.unfinished_seen(unfinished)

    def leftover_removed(self, upload_id: UploadId, name: str) -> None:
        for meter in self._meters:
            meter.leftover_removed(upload_id, name)
