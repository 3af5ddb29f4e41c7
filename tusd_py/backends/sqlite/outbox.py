"""The outbox in the SQLite file: its rows are written in the transactions of the records."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from tusd_py.backends.sqlite.connection import SqliteThread
from tusd_py.domain.event_json import event_row
from tusd_py.domain.events import Event, EventType
from tusd_py.domain.record_json import encode
from tusd_py.domain.upload import Upload, UploadId
from tusd_py.ports.outbox import Delivery, Sink

_SINKS = "SELECT name, format, types FROM sinks ORDER BY name"
_REGISTER = "INSERT INTO sinks (name, format, types) VALUES (?, ?, ?)"
_STORE = "INSERT INTO events (id, upload_id, type, at, document) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
_ENQUEUE = "INSERT INTO deliveries (sink, upload_id, seq, due_at) VALUES (?, ?, ?, ?)"
_DUE = """
    SELECT d.sink, d.seq, e.id, d.upload_id, e.type, e.at, e.document, d.attempts, d.error, d.due_at
    FROM deliveries d JOIN events e USING (seq)
    WHERE d.sink = ? AND d.state = 'pending' AND d.due_at <= ? AND NOT EXISTS (
      SELECT 1 FROM deliveries earlier
      WHERE earlier.sink = d.sink AND earlier.upload_id = d.upload_id AND earlier.seq < d.seq
        AND earlier.state = 'pending'
    )
    ORDER BY d.due_at, d.seq LIMIT ?
"""
_KEY = "sink = ? AND upload_id = ? AND seq = ?"
_TAKE = f"UPDATE deliveries SET due_at = ? WHERE {_KEY} AND state = 'pending' AND due_at = ?"  # noqa: S608 (of constants)
_DONE = f"UPDATE deliveries SET state = 'delivered', error = NULL WHERE {_KEY}"  # noqa: S608 (of constants)
_FAILED = f"""
    UPDATE deliveries SET state = ?, attempts = attempts + 1, error = ?, due_at = ?
    WHERE {_KEY} AND state = 'pending' AND due_at = ?
"""  # noqa: S608 (of constants)
_WAIT = """
    UPDATE deliveries SET due_at = max(due_at, ?)
    WHERE sink = ? AND upload_id = ? AND seq > ? AND state = 'pending'
"""
# So that the query for due deliveries doesn't scan all that wait for a failed one


class SqliteOutbox:
    """An `Outbox` in SQLite, on the connection of the `SqliteState`."""

    def __init__(self, thread: SqliteThread) -> None:
        self._thread = thread

    async def register(self, sinks: Sequence[Sink]) -> None:
        await self._thread.write(partial(_register, [(sink.name, sink.format, _text(sink.types)) for sink in sinks]))

    async def sinks(self) -> Sequence[Sink]:
        rows = await self._thread.read(lambda connection: connection.execute(_SINKS).fetchall())
        return [Sink(name=name, format=form, types=_types(types)) for name, form, types in rows]

    async def due(self, sink: str, now: float, limit: int) -> Sequence[Delivery]:
        rows = await self._thread.read(lambda connection: connection.execute(_DUE, (sink, now, limit)).fetchall())
        return [_delivery(row) for row in rows]

    async def take(self, delivery: Delivery, until: float) -> Delivery | None:
        values = (until, *_key(delivery), delivery.due_at)
        leased = await self._thread.write(lambda connection: connection.execute(_TAKE, values).rowcount)
        return replace(delivery, due_at=until) if leased else None

    async def mark_delivered(self, delivery: Delivery) -> None:
        await self._thread.write(lambda connection: connection.execute(_DONE, _key(delivery)).rowcount)

    async def mark_failed(self, delivery: Delivery, error: str, due_at: float | None) -> None:
        await self._thread.write(partial(_fail, delivery, error, due_at))


def store(events: Sequence[Event], recorded: Upload, connection: sqlite3.Connection) -> None:
    """Store the events for the sinks that receive them; write nothing if there are none."""
    sinks = [(name, _types(types)) for name, _, types in connection.execute(_SINKS)]
    for event in events:
        names = [name for name, types in sinks if event.type in types]
        seq = _store_event(event, recorded, connection) if names else None
        if seq is not None:
            rows = [(name, recorded.id, seq, recorded.updated_at) for name in names]
            connection.executemany(_ENQUEUE, rows)


def _store_event(event: Event, recorded: Upload, connection: sqlite3.Connection) -> int | None:
    """Store the event; return its number, or None if it was stored before."""
    row = event_row(event, recorded, encode(recorded))
    for event_id in filter(None, (row.id, row.spare_id)):
        stored = connection.execute(_STORE, (event_id, row.upload_id, row.type, row.at, row.document))
        if stored.rowcount:
            return stored.lastrowid
    return None


def _register(rows: Sequence[tuple[str, str, str]], connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM sinks")
    connection.executemany(_REGISTER, rows)


def _fail(delivery: Delivery, error: str, due_at: float | None, connection: sqlite3.Connection) -> None:
    state, again = ("dead", delivery.due_at) if due_at is None else ("pending", due_at)
    values = (state, error, again, *_key(delivery), delivery.due_at)
    if connection.execute(_FAILED, values).rowcount and due_at is not None:
        connection.execute(_WAIT, (due_at, *_key(delivery)))


def _key(delivery: Delivery) -> tuple[str, str, int]:
    return delivery.sink, delivery.upload_id, delivery.seq


def _delivery(row: tuple[str, int, str, str, str, float, str, int, str | None, float]) -> Delivery:
    sink, seq, event_id, upload_id, kind, at, document, attempts, error, due_at = row
    return Delivery(
        sink=sink,
        seq=seq,
        event_id=event_id,
        upload_id=UploadId(upload_id),
        type=EventType(kind),
        at=at,
        document=document,
        attempts=attempts,
        error=error,
        due_at=due_at,
    )


def _text(types: frozenset[EventType]) -> str:
    return ",".join(sorted(types))


def _types(text: str) -> frozenset[EventType]:
    """Return the types that this version knows."""
    return frozenset(EventType(word) for word in text.split(",") if word in _KNOWN)


_KNOWN = frozenset(EventType)
