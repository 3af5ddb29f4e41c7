"""The state store of one machine: one SQLite file, shared by as many processes as like."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from tusd_py.backends.sqlite.connection import SqliteThread
from tusd_py.domain.errors import ConfigurationError, Superseded
from tusd_py.domain.record_json import (
    advance,
    decode,
    decode_entry,
    decode_installation,
    encode,
    encode_entry,
    encode_installation,
)
from tusd_py.domain.space import Space
from tusd_py.domain.upload import LARGEST_CLAIM, UNFINISHED, Entry, Installation, Unfinished, Upload, UploadId

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
    # It may be there: a process of the first version that still runs writes its version over ours
    "CREATE TABLE IF NOT EXISTS installation (one INTEGER PRIMARY KEY CHECK (one = 1), document TEXT NOT NULL)",
)


def _claim(document: str) -> str:
    """`Upload.claim` of the column `document`."""
    phase, length, offset = (f"json_extract({document}, '$.{name}')" for name in ("phase", "length", "offset"))
    unfinished = ", ".join(f"'{phase}'" for phase in sorted(UNFINISHED))
    return f"CASE WHEN {phase} IN ({unfinished}) THEN min(coalesce({length}, {offset}), {LARGEST_CLAIM}) END"


_THIRD = (
    # By triggers: a process of a version before that still runs doesn't know that changes are counted
    """
    CREATE TABLE IF NOT EXISTS unfinished (
      one INTEGER PRIMARY KEY CHECK (one = 1), uploads INTEGER NOT NULL, claimed INTEGER NOT NULL
    )
    """,
    f"""
    CREATE TRIGGER IF NOT EXISTS count_created AFTER INSERT ON uploads
    WHEN {_claim("new.document")} IS NOT NULL BEGIN
      UPDATE unfinished SET uploads = uploads + 1, claimed = claimed + {_claim("new.document")};
    END
    """,  # noqa: S608 (of constants)
    f"""
    CREATE TRIGGER IF NOT EXISTS count_saved AFTER UPDATE OF document ON uploads
    WHEN {_claim("old.document")} IS NOT {_claim("new.document")} BEGIN
      UPDATE unfinished SET
        uploads = uploads - ({_claim("old.document")} IS NOT NULL) + ({_claim("new.document")} IS NOT NULL),
        claimed = claimed - coalesce({_claim("old.document")}, 0) + coalesce({_claim("new.document")}, 0);
    END
    """,  # noqa: S608 (of constants)
    f"""
    CREATE TRIGGER IF NOT EXISTS count_deleted AFTER DELETE ON uploads
    WHEN {_claim("old.document")} IS NOT NULL BEGIN
      UPDATE unfinished SET uploads = uploads - 1, claimed = claimed - {_claim("old.document")};
    END
    """,  # noqa: S608 (of constants)
    f"""
    INSERT OR REPLACE INTO unfinished
    SELECT 1, count({_claim("document")}), CAST(total({_claim("document")}) AS INTEGER) FROM uploads
    """,  # noqa: S608 (of constants)
)
_SCHEMA = (_FIRST, _SECOND, _THIRD)
"""The statements that lead from each version to the next."""
_VERSION = len(_SCHEMA)

_CREATE = "INSERT INTO uploads (revision, due_at, document, id) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
_SAVE = "UPDATE uploads SET revision = ?, due_at = ?, document = ? WHERE id = ? AND revision = ?"
_APPEND = """
    INSERT INTO entries (upload_id, seq, document)
    VALUES (?1, (SELECT coalesce(max(seq), 0) + 1 FROM entries WHERE upload_id = ?1), ?2)
"""
_UNFINISHED = "SELECT uploads, claimed FROM unfinished"
_CLEAR = "DELETE FROM entries WHERE upload_id = ?"
_LOAD = "SELECT document FROM uploads WHERE id = ?"
_ENTRIES = "SELECT document FROM entries WHERE upload_id = ? ORDER BY seq"
_EXISTS = "SELECT 1 FROM uploads WHERE id = ?"
_DELETE = "DELETE FROM uploads WHERE id = ? AND revision = ?"
_DUE = "SELECT id FROM uploads WHERE due_at <= ? ORDER BY due_at, id LIMIT ?"
_INSTALLATION = "SELECT document FROM installation"
_INSTALL = "INSERT INTO installation (one, document) VALUES (1, ?) ON CONFLICT DO NOTHING"
_REINSTALL = "INSERT OR REPLACE INTO installation (one, document) VALUES (1, ?)"
_LIST = "SELECT document FROM uploads WHERE id > ? ORDER BY id LIMIT ?"


class SqliteState:
    """Remembers uploads in the file at `path`, made when first asked for.

    A save that returned survives power loss. A file from a newer version is a ConfigurationError, whatever is asked.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = SqliteThread(path, partial(_prepare, path))

    @property
    def name(self) -> str:
        return f"sqlite:{self._path}"

    async def create(self, upload: Upload, entries: Sequence[Entry] = ()) -> Upload:
        created = advance(replace(upload, revision=0))
        work = partial(_create, _row(created), [encode_entry(entry) for entry in entries])
        await self._thread.write(work, grows=True)
        return created

    async def load(self, upload_id: UploadId) -> Upload | None:
        documents = await self._select(_LOAD, upload_id)
        return decode(documents[0]) if documents else None

    async def save(self, upload: Upload, added: Sequence[Entry] = ()) -> Upload:
        saved = advance(upload)
        entries = [encode_entry(entry) for entry in added]
        await self._thread.write(partial(_save, (*_row(saved), upload.revision), entries))
        return saved

    async def rewind(self, upload: Upload, entries: Sequence[Entry]) -> Upload:
        saved = advance(upload)
        kept = [encode_entry(entry) for entry in entries]
        await self._thread.write(partial(_rewind, (*_row(saved), upload.revision), kept))
        return saved

    async def entries(self, upload_id: UploadId) -> Sequence[Entry]:
        return [decode_entry(document) for document in await self._select(_ENTRIES, upload_id)]

    async def delete(self, upload: Upload) -> None:
        await self._thread.write(partial(_delete, upload))

    async def due(self, now: float, limit: int) -> Sequence[UploadId]:
        return [UploadId(upload_id) for upload_id in await self._select(_DUE, now, limit)]

    async def list(self, after: UploadId | None, limit: int) -> Sequence[Upload]:
        return [decode(document) for document in await self._select(_LIST, after or "", limit)]

    async def installation(self) -> Installation | None:
        documents = await self._select(_INSTALLATION)
        return decode_installation(documents[0]) if documents else None

    async def install(self, installation: Installation) -> Installation:
        await self._thread.write(partial(_write, _INSTALL, encode_installation(installation)))
        return await self.installation() or installation

    async def reinstall(self, installation: Installation) -> None:
        await self._thread.write(partial(_write, _REINSTALL, encode_installation(installation)))

    async def ping(self) -> None:
        await self._thread.write(_touch)

    async def space(self) -> Space:
        return await self._thread.space()

    async def unfinished(self) -> Unfinished:
        uploads, claimed = await self._thread.read(lambda connection: connection.execute(_UNFINISHED).fetchone())
        return Unfinished(count=uploads, claimed=int(claimed))

    async def aclose(self) -> None:
        await self._thread.aclose()

    async def _select(self, query: str, *values: object) -> Sequence[str]:
        """The first column of every row."""
        return await self._thread.read(lambda connection: [str(row[0]) for row in connection.execute(query, values)])


def _row(upload: Upload) -> tuple[int, float | None, str, str]:
    return upload.revision, upload.due_at, encode(upload), upload.id


def _prepare(path: Path, connection: sqlite3.Connection) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > _VERSION:
        raise ConfigurationError(f"{path} is from a newer version (schema {version}, known: {_VERSION}): upgrade")
    if version < _VERSION:
        for statements in _SCHEMA[version:]:
            for statement in statements:
                connection.execute(statement)
        _touch(connection)


def _touch(connection: sqlite3.Connection) -> None:
    """The smallest real write."""
    connection.execute(f"PRAGMA user_version = {_VERSION}")


def _write(query: str, document: str, connection: sqlite3.Connection) -> None:
    connection.execute(query, (document,))


def _create(row: tuple[object, ...], entries: Sequence[str], connection: sqlite3.Connection) -> None:
    *_, upload_id = row
    if connection.execute(_CREATE, row).rowcount == 0:
        raise ValueError(f"upload {upload_id} exists")
    connection.executemany(_APPEND, [(upload_id, entry) for entry in entries])


def _save(row: tuple[object, ...], entries: Sequence[str], connection: sqlite3.Connection) -> None:
    *_, upload_id, revision = row
    if connection.execute(_SAVE, row).rowcount == 0:
        raise Superseded(f"upload {upload_id} is no longer at revision {revision}")
    connection.executemany(_APPEND, [(upload_id, entry) for entry in entries])


def _rewind(row: tuple[object, ...], entries: Sequence[str], connection: sqlite3.Connection) -> None:
    _save(row, (), connection)
    *_, upload_id, _ = row
    connection.execute(_CLEAR, (upload_id,))
    connection.executemany(_APPEND, [(upload_id, entry) for entry in entries])


def _delete(upload: Upload, connection: sqlite3.Connection) -> None:
    connection.execute(_DELETE, (upload.id, upload.revision))
    if connection.execute(_EXISTS, (upload.id,)).fetchone():
        raise Superseded(f"upload {upload.id} is no longer at revision {upload.revision}")
