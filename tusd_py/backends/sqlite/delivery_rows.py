"""An operator's queries for deliveries in the SQLite file, and the removal of events."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from tusd_py.domain.events import EventType
from tusd_py.domain.upload_id import UploadId
from tusd_py.ports.outbox import Backlog, Delivery, DeliveryState, Selection

Row = tuple[str, int, str, str, str, float, str, str, int, str | None, float]
DELIVERY = """
    SELECT d.sink, d.seq, e.id, d.upload_id, e.type, e.at, e.document, d.state, d.attempts, d.error, d.due_at
    FROM deliveries d JOIN events e USING (seq)
"""
"""The SELECT and FROM of a query for rows that `read_delivery` reads."""
KEY = "sink = ? AND upload_id = ? AND seq = ?"
"""The condition that selects one delivery; its values are those of `key_of`."""
_RESTART = f"""
    UPDATE deliveries SET state = 'pending', attempts = 0, error = NULL, due_at = ? WHERE {KEY} AND state = ?
"""  # noqa: S608 (of constants)
_DROP = f"DELETE FROM deliveries WHERE {KEY}"  # noqa: S608 (of constants)
_HASTEN = """
    UPDATE deliveries SET due_at = min(due_at, ?)
    WHERE sink = ? AND upload_id = ? AND seq > ? AND +state = 'pending'
"""
# With the plus SQLite looks by the key, not through all that are pending
_BACKLOGS = """
    WITH lacking AS (SELECT sink, state, count(*) AS n, min(seq) AS seq FROM deliveries
                     WHERE state IN ('pending', 'dead') GROUP BY sink, state)
    SELECT name, coalesce(p.n, 0), coalesce(d.n, 0), e.at
    FROM (SELECT name FROM sinks WHERE format <> 'feed' UNION SELECT sink FROM lacking)
    LEFT JOIN lacking p ON p.sink = name AND p.state = 'pending'
    LEFT JOIN lacking d ON d.sink = name AND d.state = 'dead'
    LEFT JOIN events e ON e.seq = p.seq
    ORDER BY name
"""
_PRUNE = """
    DELETE FROM events WHERE seq IN (
      SELECT seq FROM events e WHERE at < ? AND NOT EXISTS (
        SELECT 1 FROM deliveries d WHERE d.seq = e.seq AND d.state IN ('pending', 'dead')
      )
      ORDER BY at LIMIT ?
    )
"""


def read_delivery(row: Row) -> Delivery:
    """Return the delivery in a row of a `DELIVERY` query."""
    sink, seq, event_id, upload_id, kind, at, document, state, attempts, error, due_at = row
    return Delivery(
        sink=sink,
        seq=seq,
        event_id=event_id,
        upload_id=UploadId(upload_id),
        type=EventType(kind),
        at=at,
        document=document,
        state=DeliveryState(state),
        attempts=attempts,
        error=error,
        due_at=due_at,
    )


def select(selection: Selection, after: Delivery | None, limit: int) -> tuple[str, Sequence[object]]:
    """Return a query for rows that `read_delivery` reads, and the query's values: up to `limit` of the selected
    deliveries, by number and sink, that follow `after` (None: from the first).
    """
    seq, sink = (0, "") if after is None else (after.seq, after.sink)
    sinks = () if selection.sink is None else (selection.sink,)
    branch = f"{DELIVERY} WHERE d.state = ? AND (d.seq, d.sink) > (?, ?) AND e.at >= ?{' AND d.sink = ?' * len(sinks)}"
    # A branch for each state: the index holds them in order, and SQLite merges them
    values = [(state, seq, sink, selection.since, *sinks) for state in sorted(selection.states)]
    query = f"{' UNION ALL '.join([branch] * len(values))} ORDER BY 2, 1 LIMIT ?"
    return query, [*(value for row in values for value in row), limit]


def restart(deliveries: Sequence[Delivery], now: float, connection: sqlite3.Connection) -> int:
    """Make deliveries pending, with no attempt counted, and due at `now`; later pending ones of the same sink and
    upload become due at `now`, unless earlier. Skips those whose state has changed since they were read. Returns the
    number of restarted deliveries."""
    return sum(
        _change(delivery, _RESTART, (now, *key_of(delivery), delivery.state), now, connection)
        for delivery in deliveries
    )


def drop(deliveries: Sequence[Delivery], now: float, connection: sqlite3.Connection) -> int:
    """Delete deliveries; later pending ones of the same sink and upload become due at `now`, unless earlier. Returns
    the number of deleted ones."""
    return sum(_change(delivery, _DROP, key_of(delivery), now, connection) for delivery in deliveries)


def _change(
    delivery: Delivery, query: str, values: Sequence[object], now: float, connection: sqlite3.Connection
) -> bool:
    """Run the query and return True if it changed a row; then also make the later pending deliveries of the same sink
    and upload due at `now`, unless they are due earlier.
    """
    changed = connection.execute(query, values).rowcount > 0
    if changed:
        connection.execute(_HASTEN, (now, *key_of(delivery)))
    return changed


def key_of(delivery: Delivery) -> tuple[str, str, int]:
    """Return the values of the delivery's primary key: sink, upload and number."""
    return delivery.sink, delivery.upload_id, delivery.seq


def backlogs(connection: sqlite3.Connection) -> Sequence[Backlog]:
    """Return the backlogs, by name, of all registered sinks but those of the format `FEED`, to which nothing is
    delivered, and of each other sink with pending or dead deliveries."""
    rows = connection.execute(_BACKLOGS).fetchall()
    return [Backlog(sink=sink, pending=pending, dead=dead, oldest=at) for sink, pending, dead, at in rows]


def prune(before: float, limit: int, connection: sqlite3.Connection) -> int:
    """Delete up to `limit` events from before the time `before` for which no delivery is pending or dead; return their
    number."""
    return connection.execute(_PRUNE, (before, limit)).rowcount
