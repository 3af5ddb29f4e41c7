"""The numbers of events in the SQLite file, and each upload's number: that of its last event, of its creation without
an event, or one that a trigger took for it.

The counter is the one that SQLite keeps for `events` (AUTOINCREMENT): a stored event gets its number by its insertion;
an event that isn't stored, and a creation without an event, increment the counter. Triggers number what processes of
earlier versions create, finish or end without a number, and keep these processes from storing deliveries to sinks of
the format `FEED`, which get none.
"""

from __future__ import annotations

import sqlite3

from tusd_py.ports.outbox import FEED

TAKE = "UPDATE sqlite_sequence SET seq = seq + 1 WHERE name = 'events'"
"""The statement that increments the counter of events, and so takes the next number; `LAST` then reads that number."""
LAST = "SELECT seq FROM sqlite_sequence WHERE name = 'events'"
_TAKE_FOR_UPLOAD = f"{TAKE}; UPDATE uploads SET seq = ({LAST}) WHERE id = new.id;"  # noqa: S608 (of constants)
_UNNUMBERED = "SELECT id FROM uploads WHERE seq IS NULL ORDER BY json_extract(document, '$.created_at'), id"


def _number_uploads(connection: sqlite3.Connection) -> None:
    """Give each upload without an event number the next one of the counter, in the order of their creation."""
    for row in connection.execute(_UNNUMBERED).fetchall():
        connection.execute(TAKE)
        connection.execute(f"UPDATE uploads SET seq = ({LAST}) WHERE id = ?", row)  # noqa: S608 (of constants)


def _add_column(connection: sqlite3.Connection) -> None:
    if "seq" not in {name for _, name, *_ in connection.execute("PRAGMA table_info(uploads)")}:
        connection.execute("ALTER TABLE uploads ADD COLUMN seq INTEGER")


MIGRATION = (
    _add_column,
    f"INSERT INTO sqlite_sequence (name, seq) SELECT 'events', 0 WHERE NOT EXISTS ({LAST})",
    _number_uploads,
    "CREATE INDEX IF NOT EXISTS uploads_by_seq ON uploads (seq)",
    f"""
    CREATE TRIGGER IF NOT EXISTS number_created AFTER INSERT ON uploads WHEN new.seq IS NULL
    BEGIN {_TAKE_FOR_UPLOAD} END
    """,
    f"""
    CREATE TRIGGER IF NOT EXISTS number_ended AFTER UPDATE OF stored, claim ON uploads
    WHEN new.seq IS old.seq AND (old.claim IS NOT NULL AND new.claim IS NULL OR new.stored < old.stored)
    BEGIN {_TAKE_FOR_UPLOAD} END
    """,
    f"""
    CREATE TRIGGER IF NOT EXISTS undelivered BEFORE INSERT ON deliveries
    WHEN EXISTS (SELECT 1 FROM sinks WHERE name = new.sink AND format = '{FEED}')
    BEGIN SELECT RAISE(IGNORE); END
    """,  # noqa: S608 (of constants)
)
"""The steps of the migration that adds the numbers of events and uploads: SQL statements, and functions that execute
some. They are safe to repeat."""
