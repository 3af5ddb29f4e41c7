"""Events in an outbox, and sinks that want them."""

from __future__ import annotations

from collections.abc import Sequence

from tests.support.uploads import changed, upload
from tusd_py.domain.events import Event, EventType, Reason
from tusd_py.domain.phase import Phase
from tusd_py.domain.upload import Upload
from tusd_py.ports.outbox import FEED, Delivery, Subscription
from tusd_py.ports.state import StateStore

ALL = Subscription(name="https://sink.example/all", format="cloudevents", types=frozenset(EventType))
ENDS = Subscription(name="hooks-http", format="tusd", types=frozenset({EventType.TERMINATED, EventType.EXPIRED}))
KEPT = Subscription(name="feed", format=FEED, types=frozenset(EventType))
"""A subscription whose events the outbox keeps without delivering them."""
EVER = 1e12


def event(of: Upload, kind: EventType, reason: Reason | None = None, **fields: object) -> Event:
    return Event(type=kind, upload=of, reason=reason, **fields)  # type: ignore[arg-type]


async def created(state: StateStore, number: int = 1, **changes: object) -> Upload:
    planned = upload(number, **changes)
    return await state.create(planned, events=[event(planned, EventType.CREATED)])


async def ended(state: StateStore, of: Upload, reason: Reason = Reason.CLIENT) -> Upload:
    ending = changed(of, phase=Phase.TERMINATING, updated_at=of.times.updated_at + 5)
    return await state.save(ending, events=[event(ending, EventType.TERMINATED, reason)])


def event_ids(deliveries: Sequence[Delivery]) -> list[str]:
    return [delivery.event_id for delivery in deliveries]
