"""The port to the outbox: events stored in the same commit as their change, and kept until they are delivered and their
retention is over."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from tusd_py.domain.events import EventType
from tusd_py.domain.upload_id import UploadId


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """A sink's wish for events. Serving processes register theirs, so that every process that changes an upload stores
    events for them, also an operator's command."""

    name: str
    """The sink's name, without secrets: it is listed."""
    format: str
    """The format of the events that it receives."""
    types: frozenset[EventType]
    """The types of events that it receives."""


FEED = "feed"
"""The format of a subscription whose events are only kept, for `Outbox.events`: nothing is delivered to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """An event as kept."""

    seq: int
    id: str
    upload_id: UploadId
    """An export has none: the id of the job itself."""
    type: EventType
    at: float
    """The time of the change, in seconds since the epoch."""
    document: str
    """The event as JSON (`domain.event_json`): of a job if the type is `JOB`, else of an upload."""


class DeliveryState(enum.StrEnum):
    """The states of a delivery."""

    PENDING = "pending"
    DEAD = "dead"
    """Each attempt has failed: only an operator has it sent again."""
    DELIVERED = "delivered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """An event for one sink. Times are seconds since the epoch."""

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
    state: DeliveryState = DeliveryState.PENDING
    attempts: int
    """The number of failed attempts."""
    error: str | None = None
    """The error of the last failed attempt."""
    due_at: float
    """The time of the next attempt, while it is pending."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """A choice of deliveries."""

    states: frozenset[DeliveryState] = frozenset(DeliveryState)
    sink: str | None = None
    """The name of their sink; None for every one."""
    since: float = 0.0
    """The earliest time of their change, in seconds since the epoch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """The numbers of events that one sink lacks."""

    sink: str
    pending: int
    dead: int
    oldest: float | None
    """The time of the first pending event's change, in seconds since the epoch; None if no event is pending."""


class Outbox(Protocol):
    """Delivers events at least once, in order per upload. Every method may raise StateUnavailable."""

    async def register(self, subscriptions: Sequence[Subscription]) -> None:
        """Store events for these from now on, instead of those registered before. Events that are stored for other
        sinks stay."""

    async def subscriptions(self) -> Sequence[Subscription]:
        """Return the registered subscriptions, by name."""

    def watch(self, wake: Callable[[], None]) -> None:
        """Call `wake` after each commit of events by this process. Other processes' events are found by `due`."""

    async def due(self, sink: str, now: float, limit: int, *, strict: bool = False) -> Sequence[Delivery]:
        """Return up to `limit` deliveries that are due, the longest due first. Only the first pending delivery of each
        upload can be due; with `strict`, only if there is no dead one before it."""

    async def take(self, delivery: Delivery, until: float) -> Delivery | None:
        """Postpone the delivery to `until` and return it; None if another node has taken or ended it meanwhile."""

    async def mark_delivered(self, delivery: Delivery) -> None:
        """End the delivery: the next event of its upload becomes due. Nothing happens unless it is pending."""

    async def mark_failed(self, delivery: Delivery, error: str, due_at: float | None) -> None:
        """Record the error of an attempt, in a few words, and the time of the next one, before which no later event of
        its upload is due. With `due_at` None the delivery is dead. Nothing happens if another node has taken or ended
        it meanwhile."""

    async def list(self, selection: Selection, after: Delivery | None, limit: int) -> Sequence[Delivery]:
        """Return up to `limit` of the selected deliveries that follow `after`, by number and sink."""

    async def deliveries(self, event_id: str) -> Sequence[Delivery]:
        """Return the deliveries of one event, by sink. Empty if there is no such event, or all were dropped."""

    async def events(self, since: int, limit: int) -> Sequence[StoredEvent]:
        """Return up to `limit` events with numbers above `since`, in order. All of them are kept for the retention if
        there is a subscription of the format `FEED`."""

    async def event(self, event_id: str) -> StoredEvent | None:
        """Return the event, or None if it isn't kept."""

    async def last_seq(self) -> int:
        """Return the highest number so far, of an event that was stored or not; 0 before the first."""

    async def restart(self, deliveries: Sequence[Delivery], now: float) -> int:
        """Make deliveries pending and due now, without attempts, with all pending ones behind them. Passes over those
        that are in another state meanwhile. Returns the number of the others."""

    async def drop(self, deliveries: Sequence[Delivery], now: float) -> int:
        """Remove deliveries, in any state: pending ones behind them become due now. Returns the number of those
        that were there."""

    async def backlogs(self) -> Sequence[Backlog]:
        """Return the backlogs of the registered sinks, and of others that have one, by name; none for a subscription of
        the format `FEED`. Cheap."""

    async def prune(self, before: float, limit: int) -> int:
        """Remove up to `limit` events from before that time for which no delivery is pending or dead. Returns their
        number."""
