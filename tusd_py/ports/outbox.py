"""The port to events that are stored in the commit that makes them true, and handed out until they are delivered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tusd_py.domain.events import EventType
from tusd_py.domain.upload import UploadId


@dataclass(frozen=True, slots=True, kw_only=True)
class Sink:
    """A receiver of events. Serving processes register theirs, so that whatever changes an upload stores events for
    them, a command of an operator too."""

    name: str
    """Without secrets: it is listed."""
    format: str
    """Of what it is sent."""
    types: frozenset[EventType]
    """The events it receives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """An event on its way to one sink. Times are seconds since the epoch."""

    sink: str
    seq: int
    """Grows with each event that is stored."""
    event_id: str
    """The same each time the event is handed out: by it, a sink knows what it had before."""
    upload_id: UploadId
    type: EventType
    at: float
    """When the change was made."""
    document: str
    """The event as JSON (`domain.event_json`)."""
    attempts: int
    """That failed."""
    error: str | None = None
    """Of the last that failed."""
    due_at: float


class Outbox(Protocol):
    """Hands out events, those of an upload in order, at least once each. Every method may raise StateUnavailable."""

    async def register(self, sinks: Sequence[Sink]) -> None:
        """Have events stored for these from now on, in place of those that were registered before. What is stored for
        others stays."""

    async def sinks(self) -> Sequence[Sink]:
        """The registered ones, by name."""

    async def due(self, sink: str, now: float, limit: int) -> Sequence[Delivery]:
        """Up to `limit` pending deliveries whose time has come, the longest due first: of each upload, the earliest
        that is pending, and none before that one's time has come."""

    async def take(self, delivery: Delivery, until: float) -> Delivery | None:
        """The delivery, due again only at `until`; None where another node has taken or ended it meanwhile."""

    async def done(self, delivery: Delivery) -> None:
        """Note that it has arrived: the next event of its upload is due."""

    async def failed(self, delivery: Delivery, error: str, due_at: float | None) -> None:
        """Note the failure of an attempt, in a few words, and when the next one is due; at None it is dead, and the
        next event of its upload is due. Nothing happens where another node has taken or ended it meanwhile."""
