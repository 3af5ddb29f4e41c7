"""The outbox in the SQLite file: events and their deliveries are stored in the transactions that save the records of
uploads and jobs."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from itertools import starmap
from math import inf
from operator import attrgetter

from tusd_py.backends.pages import read_page
from tusd_py.backends.sqlite.connection import SqliteThread
from tusd_py.backends.sqlite.delivery_rows import (
    DELIVERY,
    KEY,
    backlogs,
    drop,
    key_of,
    prune,
    read_delivery,
    restart,
    select,
)
from tusd_py.backends.sqlite.number_schema import LAST, TAKE
from tusd_py.domain.event_json import EventRow, event_row, job_row
from tusd_py.domain.events import Event, EventType
from tusd_py.domain.job import Job
from tusd_py.domain.record_json import encode
from tusd_py.domain.thresholds import DEFAULT
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.ports.outbox import FEED, Backlog, Delivery, Selection, StoredEvent, Subscription

_SUBSCRIPTIONS = "SELECT name, format, types FROM sinks ORDER BY name"
_REGISTER = "INSERT INTO sinks (name, format, types) VALUES (?, ?, ?)"
_STORE = """
    INSERT INTO events (id, upload_id, type, at, document) SELECT ?1, ?2, ?3, ?4, ?5
    WHERE NOT EXISTS (SELECT 1 FROM events WHERE id = ?1)
"""
# A conflict would use up a number
_ENQUEUE = "INSERT INTO deliveries (sink, upload_id, seq, due_at) VALUES (?, ?, ?, ?)"
_TYPES = ", ".join(f"'{type_}'" for type_ in EventType)
_DUE = f"""
    {DELIVERY}
    WHERE d.sink = ? AND d.state = 'pending' AND d.due_at <= ? AND e.type IN ({_TYPES}) AND NOT EXISTS (
      SELECT 1 FROM deliveries earlier
      WHERE earlier.sink = d.sink AND earlier.upload_id = d.upload_id AND earlier.seq < d.seq
        AND earlier.state IN ('pending', ?)
    )
    ORDER BY d.due_at, d.seq LIMIT ?
"""  # noqa: S608 (of constants)
_STORED = "SELECT seq, id, upload_id, type, at, document FROM events"
_EVENTS = f"{_STORED} WHERE seq > ? ORDER BY seq LIMIT ?"
_STORED_EVENT = f"{_STORED} WHERE id = ?"
_EVENT = f"{DELIVERY} WHERE e.id = ? ORDER BY d.sink"
_TAKE = f"UPDATE deliveries SET due_at = ? WHERE {KEY} AND state = 'pending' AND due_at = ?"  # noqa: S608 (of constants)
_DONE = f"UPDATE deliveries SET state = 'delivered', error = NULL WHERE {KEY} AND state = 'pending'"  # noqa: S608 (of constants)
_FAILED = f"""
    UPDATE deliveries SET state = ?, attempts = attempts + 1, error = ?, due_at = ?
    WHERE {KEY} AND state = 'pending' AND due_at = ?
"""  # noqa: S608 (of constants)
_WAIT = """
    UPDATE deliveries SET due_at = max(due_at, ?)
    WHERE sink = ? AND upload_id = ? AND seq > ? AND +state = 'pending'
"""
# So that the query for due deliveries doesn't scan all that wait for a failed one. With the plus SQLite looks by the
# key, not through all that are pending


class SqliteOutbox:
    """An `Outbox` in SQLite, on the connection of the `SqliteState`."""

    def __init__(self, thread: SqliteThread) -> None:
        self._thread = thread
        self._wakes = list[Callable[[], None]]()

    async def register(self, subscriptions: Sequence[Subscription]) -> None:
        rows = [(subscription.name, subscription.format, _text(subscription.types)) for subscription in subscriptions]
        await self._thread.write(partial(_register, rows))

    async def subscriptions(self) -> Sequence[Subscription]:
        rows = await self._thread.read(lambda connection: connection.execute(_SUBSCRIPTIONS).fetchall())
        return [Subscription(name=name, format=form, types=_types(types)) for name, form, types in rows]

    def watch(self, wake: Callable[[], None]) -> None:
        self._wakes.append(wake)

    def wake(self) -> None:
        """Call the functions that `watch` has registered, after a commit that may have stored events."""
        for wake in self._wakes:
            wake()

    async def due(self, sink: str, now: float, limit: int, *, strict: bool = False) -> Sequence[Delivery]:
        return await self._read(_DUE, sink, now, "dead" if strict else "pending", limit)

    async def take(self, delivery: Delivery, until: float) -> Delivery | None:
        values = (until, *key_of(delivery), delivery.due_at)
        leased = await self._thread.write(lambda connection: connection.execute(_TAKE, values).rowcount)
        return replace(delivery, due_at=until) if leased else None

    async def mark_delivered(self, delivery: Delivery) -> None:
        await self._thread.write(lambda connection: connection.execute(_DONE, key_of(delivery)).rowcount)

    async def mark_failed(self, delivery: Delivery, error: str, due_at: float | None) -> None:
        await self._thread.write(partial(_fail, delivery, error, due_at))

    async def list(
        self, selection: Selection, after: Delivery | None, limit: int, size: int = DEFAULT.page_size
    ) -> Sequence[Delivery]:
        query, values = select(selection, after, limit)
        return await self._read(query, *values, size=size)

    async def deliveries(self, event_id: str) -> Sequence[Delivery]:
        return await self._read(_EVENT, event_id)

    async def events(self, since: int, limit: int, size: int = DEFAULT.page_size) -> Sequence[StoredEvent]:
        return await self._read_events(_EVENTS, since, limit, size=size)

    async def event(self, event_id: str) -> StoredEvent | None:
        return next(iter(await self._read_events(_STORED_EVENT, event_id)), None)

    async def last_seq(self) -> int:
        row = await self._thread.read(lambda connection: connection.execute(LAST).fetchone())
        return int(row[0])

    async def restart(self, deliveries: Sequence[Delivery], now: float) -> int:
        return await self._thread.write(partial(restart, deliveries, now))

    async def drop(self, deliveries: Sequence[Delivery], now: float) -> int:
        return await self._thread.write(partial(drop, deliveries, now))

    async def backlogs(self) -> Sequence[Backlog]:
        return await self._thread.read(backlogs)

    async def prune(self, before: float, limit: int) -> int:
        return await self._thread.write(partial(prune, before, limit))

    async def _read(self, query: str, *values: object, size: float = inf) -> Sequence[Delivery]:
        def work(connection: sqlite3.Connection) -> Sequence[Delivery]:
            with closing(connection.execute(query, values)) as rows:
                return read_page(map(read_delivery, rows), size, attrgetter("document"))

        return await self._thread.read(work)

    async def _read_events(self, query: str, *values: object, size: float = inf) -> Sequence[StoredEvent]:
        def work(connection: sqlite3.Connection) -> Sequence[StoredEvent]:
            with closing(connection.execute(query, values)) as rows:
                return read_page(starmap(_stored_event, rows), size, attrgetter("document"))

        return await self._thread.read(work)


def store(events: Sequence[Event], recorded: Upload, connection: sqlite3.Connection) -> None:
    """Store the events of the upload `recorded` for the subscriptions to their types, except events that are stored
    already. Each event takes a number, stored or not; without events one number is taken.
    """
    for event in events:
        _store(event.type, partial(_upload_row, event, recorded), connection)
    if not events:
        connection.execute(TAKE)


def store_end(job: Job, connection: sqlite3.Connection) -> None:
    """Store the event of a job's end for the subscriptions to its type, unless there are none or the event is stored
    already. The event takes a number in any case.
    """
    _store(EventType.JOB, partial(job_row, job), connection)


def _upload_row(event: Event, recorded: Upload) -> EventRow:
    return event_row(event, recorded, encode(recorded))


def _store(type_: EventType, make_row: Callable[[], EventRow], connection: sqlite3.Connection) -> None:
    """Store the event that `make_row` returns for the subscriptions to its type, unless there are none or the event is
    stored already. The event takes a number in any case.
    """
    subscriptions = connection.execute(_SUBSCRIPTIONS).fetchall()
    sinks = [(name, form) for name, form, types in subscriptions if type_ in _types(types)]
    row = make_row() if sinks else None
    seq = None if row is None else _store_row(row, connection)
    if row is None or seq is None:
        connection.execute(TAKE)
    else:
        rows = [(name, row.upload_id, seq, row.at) for name, form in sinks if form != FEED]
        connection.executemany(_ENQUEUE, rows)


def _store_row(row: EventRow, connection: sqlite3.Connection) -> int | None:
    """Store the event by its id or, if an event has that id, by its spare id, which only roll-backs have. Return the
    event's number; None if all its ids are stored already."""
    for event_id in filter(None, (row.id, row.spare_id)):
        stored = connection.execute(_STORE, (event_id, row.upload_id, row.type, row.at, row.document))
        if stored.rowcount:
            return stored.lastrowid
    return None


def _stored_event(seq: int, event_id: str, upload_id: str, kind: str, at: float, document: str) -> StoredEvent:
    return StoredEvent(
        seq=seq, id=event_id, upload_id=UploadId(upload_id), type=EventType(kind), at=at, document=document
    )


def _register(rows: Sequence[tuple[str, str, str]], connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM sinks")
    connection.executemany(_REGISTER, rows)


def _fail(delivery: Delivery, error: str, due_at: float | None, connection: sqlite3.Connection) -> None:
    state, again = ("dead", delivery.due_at) if due_at is None else ("pending", due_at)
    values = (state, error, again, *key_of(delivery), delivery.due_at)
    if connection.execute(_FAILED, values).rowcount and due_at is not None:
        connection.execute(_WAIT, (due_at, *key_of(delivery)))


def _text(types: frozenset[EventType]) -> str:
    return ",".join(sorted(types))


def _types(text: str) -> frozenset[EventType]:
    """Return the types of events in the text, separated by commas, without those that only newer versions know."""
    return frozenset(EventType(word) for word in text.split(",") if word in _KNOWN)


_KNOWN = frozenset(EventType)
