"""The port to the outbox: events stored in the same commit as their change, and kept until their retention is over and
no delivery of them is pending or dead."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from tusd_py.domain.events import EventType
from tusd_py.domain.thresholds import DEFAULT
from tusd_py.domain.upload_id import UploadId


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """A sink's request for events. Serving processes register the subscriptions of their sinks; every process that
    changes an upload, also an operator's command, then stores events for these sinks."""

    name: str
    """The sink's name, without secrets, as operators see it in listings."""
    format: str
    """The format of the events that the sink receives."""
    types: frozenset[EventType]
    """The types of the events that the sink receives."""


FEED = "feed"
"""The format of a subscription whose events are only kept, for `Outbox.events`: nothing is delivered to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """An event as the outbox keeps it."""

    seq: int
    id: str
    upload_id: UploadId
    """The upload of the event; for the end of an export, a job without an upload, the id of the job."""
    type: EventType
    at: float
    """The time of the change that the event tells of, in seconds since the epoch."""
    document: str
    """The event as JSON (`domain.event_json`): of a job if the type is `JOB`, else of an upload."""


class DeliveryState(enum.StrEnum):
    """The states of a delivery."""

    PENDING = "pending"
    DEAD = "dead"
    """Every attempt has failed: only an operator restarts the delivery, by a command or on the dashboard."""
    DELIVERED = "delivered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """An event for one sink. Times are seconds since the epoch."""

    sink: str
    seq: int
    """The event's number: greater than that of each event stored before."""
    event_id: str
    """The event's id, the same in each attempt, so that a sink recognizes a repeated event."""
    upload_id: UploadId
    type: EventType
    at: float
    """The time of the change that the event tells of."""
    document: str
    """The event as JSON (`domain.event_json`)."""
    state: DeliveryState = DeliveryState.PENDING
    attempts: int
    """The number of failed attempts; after a restart by an operator, only of those since then."""
    error: str | None = None
    """The error of the last failed attempt; None before one, after a restart, and once the event is delivered."""
    due_at: float
    """The earliest time of the next attempt, while the delivery is pending; during an attempt, the end of its lease."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """A choice of deliveries for a list: those in one of the states, to the sink, and of events since the time."""

    states: frozenset[DeliveryState] = frozenset(DeliveryState)
    sink: str | None = None
    """The name of the deliveries' sink; None for every sink."""
    since: float = 0.0
    """The earliest time of the change that an event tells of, in seconds since the epoch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """The counts of one sink's pending and dead events."""

    sink: str
    pending: int
    dead: int
    oldest: float | None
    """The time of the first pending event's change, in seconds since the epoch; None if no event is pending."""


class Outbox(Protocol):
    """Stores events, and hands out each at least once for each sink that receives it: to each sink, an upload's events
    in order. Every asynchronous method may raise StateUnavailable."""

    async def register(self, subscriptions: Sequence[Subscription]) -> None:
        """Replace the registered subscriptions: from now on, events are stored for these. Stored deliveries stay, also
        those to sinks that are no longer registered."""

    async def subscriptions(self) -> Sequence[Subscription]:
        """Return the registered subscriptions, by name."""

    def watch(self, wake: Callable[[], None]) -> None:
        """Have `wake` called after each commit of events by this process. Other processes' events are found by
        `due`."""

    async def due(self, sink: str, now: float, limit: int, *, strict: bool = False) -> Sequence[Delivery]:
        """Return up to `limit` deliveries to the sink that are due, the longest due first. Only the first pending
        delivery of each upload can be due; with `strict`, only if no dead delivery precedes it. Events of types that
        only newer versions know are left to nodes of these."""

    async def take(self, delivery: Delivery, until: float) -> Delivery | None:
        """Lease the delivery for an attempt: postpone it to `until`, so that no other node sends it before, and return
        it with that time. Returns None, and changes nothing, if it isn't pending any more, or its `due_at` has changed
        since it was read: another node has taken it, or an operator has restarted it, for example."""

    async def mark_delivered(self, delivery: Delivery) -> None:
        """Mark the delivery as delivered; after that, the next pending delivery of its upload to the sink can be due.
        Does nothing unless the delivery is pending; it is marked even if another node has taken it since it was
        read."""

    async def mark_failed(self, delivery: Delivery, error: str, due_at: float | None) -> None:
        """Record that an attempt failed: its error, in a few words, and `due_at`, the time of the next attempt, before
        which no later event of the upload is due to the sink. With `due_at` None the delivery is dead. Does nothing if
        the delivery isn't pending any more, or was taken or rescheduled since it was read."""

    async def list(
        self, selection: Selection, after: Delivery | None, limit: int, size: int = DEFAULT.page_size
    ) -> Sequence[Delivery]:
        """Return up to `limit` of the selected deliveries that follow `after` (None: from the first), by number and
        sink. The page ends early once the documents of its deliveries have `size` characters together, so that only an
        empty page tells that there are no more."""

    async def deliveries(self, event_id: str) -> Sequence[Delivery]:
        """Return the deliveries of one event, by sink; none if the event isn't kept, if no sink was to receive it, or
        if all were dropped."""

    async def events(self, since: int, limit: int, size: int = DEFAULT.page_size) -> Sequence[StoredEvent]:
        """Return up to `limit` of the kept events with numbers above `since`, in order; fewer once their documents have
        `size` characters together, but at least one if there is any. If a subscription has the format `FEED` (nothing
        is delivered to it), all events are kept for the retention; else only what sinks receive."""

    async def event(self, event_id: str) -> StoredEvent | None:
        """Return the event, or None if it isn't kept."""

    async def last_seq(self) -> int:
        """Return the highest number taken so far: by an event, stored or not, by a creation without an event, or for an
        upload that a node of an earlier version left without a number. Returns 0 before the first."""

    async def restart(self, deliveries: Sequence[Delivery], now: float) -> int:
        """Make the deliveries pending, with no attempt counted, and due at `now`; later pending deliveries of their
        uploads to the same sink become due at `now`, too, unless they are due before. Skips each delivery that is gone,
        or whose state has changed since it was read. Returns the number of deliveries restarted."""

    async def drop(self, deliveries: Sequence[Delivery], now: float) -> int:
        """Remove the deliveries, in any state; later pending deliveries of their uploads to the same sink become due at
        `now`, unless they are due before. Returns the number of deliveries removed."""

    async def backlogs(self) -> Sequence[Backlog]:
        """Return the backlogs, by name, of all registered sinks, and of each other sink with undelivered events. A
        subscription of the format `FEED` has none, as nothing is delivered to it. Cheap."""

    async def prune(self, before: float, limit: int) -> int:
        """Remove up to `limit` events from before the time `before` for which no delivery is pending or dead. Returns
        their number."""
