"""The port to the outbox: events stored in the same commit as their change, and kept until they are delivered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tusd_py.domain.events import EventType
from tusd_py.domain.upload import UploadId


@dataclass(frozen=True, slots=True, kw_only=True)
class Sink:
    """A receiver of events. Serving processes register their sinks, so that every process that changes an upload stores
    events for them, also an operator's command."""

    name: str
    """A name without secrets: it is listed."""
    format: str
    """The format of the events that it receives."""
    types: frozenset[EventType]
    """The types of events that it receives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A pending event for one sink. Times are seconds since the epoch."""

    sink: str
    seq: int
    """A number that grows with each stored event."""
    event_id: str
    """The same in each attempt, so that a sink recognizes a repeated event."""
    upload_id: UploadId
    type: EventType
    at: float
    """The time of the change."""
    document: str
    """The event as JSON (`domain.event_json`)."""
    attempts: int
    """The number of failed attempts."""
    error: str | None = None
    """The error of the last failed attempt."""
    due_at: float


class Outbox(Protocol):
    """Delivers events at least once, in order per upload. Every method may raise StateUnavailable."""

    async def register(self, sinks: Sequence[Sink]) -> None:
        """Store events for these sinks from now on, instead of those registered before. Events that are stored for
        other sinks stay."""

    async def sinks(self) -> Sequence[Sink]:
        """Return the registered sinks, by name."""

    async def due(self, sink: str, now: float, limit: int) -> Sequence[Delivery]:
        """Return up to `limit` deliveries that are due, the longest due first. Only the first pending delivery of each
        upload can be due."""

    async def take(self, delivery: Delivery, until: float) -> Delivery | None:
        """Postpone the delivery to `until` and return it; None if another node has taken or ended it meanwhile."""

    async def mark_delivered(self, delivery: Delivery) -> None:
        """Remove the delivery: the next event of its upload becomes due."""

    async def mark_failed(self, delivery: Delivery, error: str, due_at: float | None) -> None:
        """Record the error of an attempt, in a few words, and the time of the next one. With `due_at` None the delivery
        is dead, and the next event of its upload becomes due. Nothing happens if another node has taken or ended it
        meanwhile."""
