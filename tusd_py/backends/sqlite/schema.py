"""The tables of the SQLite file, and the migrations of files of older versions.

A process of an older version may run next to a newer one for a while: it writes its own version into the file, so each
migration after the first, which creates the tables in an empty file, must be idempotent.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path

from tusd_py.backends.sqlite import jobs, number_schema
from tusd_py.backends.sqlite.charge_schema import MIGRATION, add_columns
from tusd_py.domain.errors import ConfigurationError

_FIRST = (
    "CREATE TABLE uploads (id TEXT PRIMARY KEY, revision INTEGER NOT NULL, due_at REAL, document TEXT NOT NULL)",
    "CREATE INDEX uploads_by_due_at ON uploads (due_at, id) WHERE due_at IS NOT NULL",
    """
    CREATE TABLE entries (
      upload_id TEXT NOT NULL REFERENCES uploads (id) ON DELETE CASCADE,
      seq INTEGER NOT NULL,
      document TEXT NOT NULL,
      PRIMARY KEY (upload_id, seq)
    ) WITHOUT ROWID
    """,
)
_SECOND = (
    # It may exist: a running process of the first version overwrites the file's version
    "CREATE TABLE IF NOT EXISTS installation (one INTEGER PRIMARY KEY CHECK (one = 1), document TEXT NOT NULL)",
)
_THIRD = (
    """
    CREATE TABLE IF NOT EXISTS unfinished (
      one INTEGER PRIMARY KEY CHECK (one = 1), uploads INTEGER NOT NULL, claimed INTEGER NOT NULL
    )
    """,
    # The fifth version counts, and removes the triggers that counted here
    "INSERT OR IGNORE INTO unfinished (one, uploads, claimed) VALUES (1, 0, 0)",
)
_FOURTH = (
    "CREATE TABLE IF NOT EXISTS sinks (name TEXT PRIMARY KEY, format TEXT NOT NULL, types TEXT NOT NULL)",
    """
    CREATE TABLE IF NOT EXISTS events (
      seq INTEGER PRIMARY KEY AUTOINCREMENT,
      id TEXT NOT NULL UNIQUE,
      upload_id TEXT NOT NULL,
      type TEXT NOT NULL,
      at REAL NOT NULL,
      document TEXT NOT NULL
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS deliveries (
      sink TEXT NOT NULL,
      upload_id TEXT NOT NULL,
      seq INTEGER NOT NULL REFERENCES events (seq) ON DELETE CASCADE,
      state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'dead', 'delivered')),
      attempts INTEGER NOT NULL DEFAULT 0,
      due_at REAL NOT NULL,
      error TEXT,
      PRIMARY KEY (sink, upload_id, seq)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX IF NOT EXISTS deliveries_by_due_at ON deliveries (sink, due_at) WHERE state = 'pending'",
)
_OUTBOX_FIFTH = (
    "CREATE INDEX IF NOT EXISTS deliveries_by_state ON deliveries (state, seq, sink)",
    "CREATE INDEX IF NOT EXISTS deliveries_by_event ON deliveries (seq, sink)",
    "CREATE INDEX IF NOT EXISTS events_by_time ON events (at)",
)
_Step = str | Callable[[sqlite3.Connection], None]
_FIFTH: Sequence[_Step] = (*_OUTBOX_FIFTH, add_columns, *MIGRATION)
_SIXTH: Sequence[_Step] = (*number_schema.MIGRATION, *jobs.MIGRATION)
_SCHEMA: Sequence[Sequence[_Step]] = (_FIRST, _SECOND, _THIRD, _FOURTH, _FIFTH, _SIXTH)
"""The steps that migrate each version to the next: statements, and functions that execute some."""
VERSION = len(_SCHEMA)


def prepare(path: Path, connection: sqlite3.Connection) -> None:
    """Migrate the file at `path` to this version. Raises ConfigurationError for a file of a newer version."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > VERSION:
        raise ConfigurationError(f"{path} is from a newer version (schema {version}, known: {VERSION}): upgrade")
    if version < VERSION:
        for step in chain.from_iterable(_SCHEMA[version:]):
            if isinstance(step, str):
                connection.execute(step)
            else:
                step(connection)
        touch(connection)


def touch(connection: sqlite3.Connection) -> None:
    """Write the schema's version (`VERSION`) into the file. If the file has that version already, this is the
    smallest write that shows that writes succeed.
    """
    connection.execute(f"PRAGMA user_version = {VERSION}")
