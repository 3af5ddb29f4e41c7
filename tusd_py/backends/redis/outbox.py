"""The outbox in Redis: events are stored by the scripts that write records; each step of a delivery is a script."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from tusd_py.backends.redis import operator_scripts as operators
from tusd_py.backends.redis import outbox_scripts as scripts
from tusd_py.backends.redis.connection import unavailable_on_error
from tusd_py.backends.redis.schema import Keys
from tusd_py.backends.redis.scripts import Scripts
from tusd_py.domain.event_json import EventRow, event_row
from tusd_py.domain.events import Event, EventType
from tusd_py.domain.thresholds import DEFAULT
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.ports.outbox import Backlog, Delivery, DeliveryState, Selection, StoredEvent, Subscription


class RedisOutbox:
    """An `Outbox` in Redis, on the connections of the `RedisState`."""

    def __init__(self, redis: Any, keys: Keys, scripts: Scripts) -> None:
        self._redis, self._keys, self._run = redis, keys, scripts.run
        self._wakes = list[Callable[[], None]]()

    async def register(self, subscriptions: Sequence[Subscription]) -> None:
        pairs = [(subscription.name, _value(subscription)) for subscription in subscriptions]
        await self._run(scripts.SUBSCRIBE, *(word for pair in pairs for word in pair))

    async def subscriptions(self) -> Sequence[Subscription]:
        with unavailable_on_error():
            fields = await self._redis.hgetall(self._keys.sinks)
        return [_subscription(name, json.loads(fields[name])) for name in sorted(fields)]

    def watch(self, wake: Callable[[], None]) -> None:
        self._wakes.append(wake)

    def wake(self) -> None:
        """Call the functions that `watch` has registered: events were committed."""
        for wake in self._wakes:
            wake()

    async def due(self, sink: str, now: float, limit: int, *, strict: bool = False) -> Sequence[Delivery]:
        return [_delivery(row) for row in await self._run(scripts.DUE, sink, repr(now), limit, int(strict), *EventType)]

    async def take(self, delivery: Delivery, until: float) -> Delivery | None:
        times = (repr(delivery.due_at), repr(until))
        leased = await self._run(scripts.TAKE, *_key(delivery), *times, secrets.token_hex(8))
        return replace(delivery, due_at=until) if leased else None

    async def mark_delivered(self, delivery: Delivery) -> None:
        await self._run(scripts.DONE, *_key(delivery))

    async def mark_failed(self, delivery: Delivery, error: str, due_at: float | None) -> None:
        due = "" if due_at is None else repr(due_at)
        await self._run(scripts.FAILED, *_key(delivery), repr(delivery.due_at), error, due)

    async def list(
        self, selection: Selection, after: Delivery | None, limit: int, size: int = DEFAULT.page_size
    ) -> Sequence[Delivery]:
        await self._catch_up()
        deliveries = list[Delivery]()
        place = (0, "") if after is None else (after.seq, after.sink)
        choice = (repr(selection.since), selection.sink or "", *sorted(selection.states))
        while limit > len(deliveries) and size > 0 and place[0] is not None:
            *place, rows = await self._run(operators.LIST, limit - len(deliveries), size, *place, *choice)
            page = [_delivery(row) for row in rows]
            deliveries += page
            size -= sum(len(delivery.document) for delivery in page)
        return deliveries

    async def deliveries(self, event_id: str) -> Sequence[Delivery]:
        rows = await self._run(operators.EVENT, event_id)
        return sorted(map(_delivery, rows), key=lambda delivery: delivery.sink)

    async def events(self, since: int, limit: int, size: int = DEFAULT.page_size) -> Sequence[StoredEvent]:
        await self._catch_up()
        return [_stored_event(row) for row in await self._run(operators.EVENTS, since, limit, size)]

    async def event(self, event_id: str) -> StoredEvent | None:
        row = await self._run(operators.STORED_EVENT, event_id)
        return None if row is None else _stored_event(row)

    async def last_seq(self) -> int:
        with unavailable_on_error():
            return int(await self._redis.get(self._keys.event_seq) or 0)

    async def restart(self, deliveries: Sequence[Delivery], now: float) -> int:
        words = [word for delivery in deliveries for word in (*_key(delivery), delivery.state)]
        return int(await self._run(operators.RESTART, repr(now), *words))

    async def drop(self, deliveries: Sequence[Delivery], now: float) -> int:
        words = [word for delivery in deliveries for word in _key(delivery)]
        return int(await self._run(operators.DROP, repr(now), *words))

    async def backlogs(self) -> Sequence[Backlog]:
        await self._catch_up()
        return sorted(map(_backlog, await self._run(operators.BACKLOGS)), key=lambda backlog: backlog.sink)

    async def prune(self, before: float, limit: int) -> int:
        await self._catch_up()
        return int(await self._run(operators.PRUNE, repr(before), limit))

    async def _catch_up(self) -> None:
        while await self._run(operators.CATCH_UP, DEFAULT.event_page):
            pass


def event_arguments(events: Sequence[Event], recorded: Upload, document: str) -> Sequence[str]:
    """Return the arguments with which a script stores the events of the upload as recorded, whose JSON is `document`:
    `ARGUMENTS_PER_EVENT` for each event."""
    return [word for event in events for word in row_arguments(event_row(event, recorded, document))]


def row_arguments(row: EventRow) -> Sequence[str]:
    """Return the arguments with which a script stores one event: id, spare id (used if the first is stored
    already; '' for none), type, time and JSON."""
    return [row.id, row.spare_id or "", row.type, repr(row.at), row.document]


def _key(delivery: Delivery) -> tuple[str, str, str]:
    return delivery.sink, delivery.upload_id, str(delivery.seq)


def _value(subscription: Subscription) -> str:
    return json.dumps({"format": subscription.format, "types": sorted(subscription.types)})


def _subscription(name: str, values: Any) -> Subscription:
    types = frozenset(EventType(word) for word in values["types"] if word in _KNOWN)
    return Subscription(name=name, format=values["format"], types=types)


_KNOWN = frozenset(EventType)


def _backlog(row: Sequence[Any]) -> Backlog:
    sink, pending, dead, oldest = row
    return Backlog(sink=sink, pending=int(pending), dead=int(dead), oldest=None if oldest is None else float(oldest))


def _stored_event(row: Sequence[Any]) -> StoredEvent:
    seq, event_id, upload_id, kind, at, document = row
    return StoredEvent(
        seq=int(seq), id=event_id, upload_id=UploadId(upload_id), type=EventType(kind), at=float(at), document=document
    )


def _delivery(row: Sequence[Any]) -> Delivery:
    sink, seq, event_id, upload_id, kind, at, document, state, attempts, error, due_at = row
    return Delivery(
        sink=sink,
        seq=int(seq),
        event_id=event_id,
        upload_id=UploadId(upload_id),
        type=EventType(kind),
        at=float(at),
        document=document,
        state=DeliveryState(state),
        attempts=int(attempts or 0),
        error=error,
        due_at=float(due_at),
    )
