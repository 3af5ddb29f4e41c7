"""The state store of one machine: one SQLite file, shared by any number of processes."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from tusd_py.backends.sqlite import charging
from tusd_py.backends.sqlite.connection import SqliteThread
from tusd_py.backends.sqlite.jobs import SqliteJobs
from tusd_py.backends.sqlite.number_schema import LAST
from tusd_py.backends.sqlite.outbox import SqliteOutbox, store
from tusd_py.backends.sqlite.schema import prepare, touch
from tusd_py.domain.checkpoint import Entry
from tusd_py.domain.copying import copy_with
from tusd_py.domain.errors import Superseded
from tusd_py.domain.events import Event
from tusd_py.domain.installation import Installation
from tusd_py.domain.principal import Grant, Quota
from tusd_py.domain.record_json import (
    advance,
    decode,
    decode_entry,
    decode_installation,
    encode,
    encode_entry,
    encode_installation,
)
from tusd_py.domain.refusals import NameTaken
from tusd_py.domain.space import Space
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.domain.usage import Usage, charge_of, check_growth
from tusd_py.ports.state import Numbered, Unfinished

_CREATE = f"""
    INSERT INTO uploads (revision, counted, due_at, document, stored, reserved, claim, id, name, account, seq)
    VALUES (?1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ({LAST})) ON CONFLICT DO NOTHING
"""  # noqa: S608 (of constants)
_COLUMNS = "revision = ?1, counted = ?1, due_at = ?2, document = ?3, stored = ?4, reserved = ?5, claim = ?6"
_SAVE = f"UPDATE uploads SET {_COLUMNS} WHERE id = ?7 AND revision = ?8"  # noqa: S608 (of constants)
_SAVE_NUMBERED = f"UPDATE uploads SET {_COLUMNS}, seq = ({LAST}) WHERE id = ?7 AND revision = ?8"  # noqa: S608
_NUMBERED = "SELECT document, seq FROM uploads WHERE id = ?"
_CHANGED = "SELECT document, seq FROM uploads WHERE seq > ? ORDER BY seq LIMIT ?"
_RESOLVE = "SELECT id FROM uploads WHERE name = ?"
_CLAIM_KEY = "INSERT INTO chosen_keys (key, upload_id) VALUES (?, ?) ON CONFLICT DO NOTHING"
_APPEND = """
    INSERT INTO entries (upload_id, seq, document)
    VALUES (:upload, (SELECT coalesce(max(seq), 0) + 1 FROM entries WHERE upload_id = :upload), :document)
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
    """A `StateStore` in the file at `path`, which is created when first used.

    A save that returned survives power loss. If a newer version had migrated the file before this process first used
    it, every call that uses the file raises ConfigurationError.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = SqliteThread(path, partial(prepare, path))
        self.outbox = SqliteOutbox(self._thread)
        self.jobs = SqliteJobs(self._thread, self.outbox.wake)

    @property
    def name(self) -> str:
        return f"sqlite:{self._path}"

    async def create(
        self,
        upload: Upload,
        entries: Sequence[Entry] = (),
        events: Sequence[Event] = (),
        *,
        quota: Quota | None = None,
        grant: Grant | None = None,
    ) -> Upload:
        created = copy_with(upload, revision=1)
        work = partial(_create, created, [encode_entry(entry) for entry in entries], quota, grant)
        await self._commit(work, created, events, new=True)
        return created

    async def load(self, upload_id: UploadId) -> Upload | None:
        documents = await self._select(_LOAD, upload_id)
        return decode(documents[0]) if documents else None

    async def resolve(self, name: str) -> UploadId | None:
        return next(map(UploadId, await self._select(_RESOLVE, name)), None)

    async def save(
        self,
        upload: Upload,
        added: Sequence[Entry] = (),
        events: Sequence[Event] = (),
        *,
        quota: Quota | None = None,
        refund: Grant | None = None,
    ) -> Upload:
        saved = advance(upload)
        row, entries = (*_row(saved), upload.revision), [encode_entry(entry) for entry in added]
        work = partial(_save, _save_query(events), row, entries)
        if quota is not None or refund is not None:
            work = partial(_save_on_terms, work, saved, quota, refund)
        await self._commit(work, saved, events)
        return saved

    async def rewind(self, upload: Upload, entries: Sequence[Entry], events: Sequence[Event] = ()) -> Upload:
        saved = advance(upload)
        row, documents = (*_row(saved), upload.revision), [encode_entry(entry) for entry in entries]
        work = partial(_rewind, _save_query(events), row, documents)
        await self._commit(work, saved, events)
        return saved

    async def entries(self, upload_id: UploadId) -> Sequence[Entry]:
        return [decode_entry(document) for document in await self._select(_ENTRIES, upload_id)]

    async def delete(self, upload: Upload) -> None:
        await self._thread.write(partial(_delete, upload))

    async def numbered(self, upload_id: UploadId) -> Numbered | None:
        return next(iter(await self._select_numbered(_NUMBERED, upload_id)), None)

    async def changed(self, since: int, limit: int) -> Sequence[Numbered]:
        return await self._select_numbered(_CHANGED, since, limit)

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
        await self._thread.write(touch)

    async def space(self) -> Space:
        return await self._thread.space()

    async def unfinished(self) -> Unfinished:
        uploads, claimed = await self._thread.read(lambda connection: connection.execute(_UNFINISHED).fetchone())
        return Unfinished(count=uploads, claimed=int(claimed))

    async def usage(self, account: str) -> Usage:
        return await self._thread.read(partial(charging.read_usage, account))

    async def usages(self, after: str | None, limit: int) -> Sequence[Usage]:
        return await self._thread.read(partial(charging.read_usages, after, limit))

    async def recount(self) -> int:
        after: str | None = ""
        corrected = 0
        while after is not None:
            after, count = await self._thread.write(partial(charging.recount_page, after))
            corrected += count
        return corrected

    async def aclose(self) -> None:
        await self._thread.aclose()

    async def _commit(
        self,
        work: Callable[[sqlite3.Connection], None],
        recorded: Upload,
        events: Sequence[Event],
        *,
        new: bool = False,
    ) -> None:
        """Store the events of the upload `recorded` and do `work`, which saves its record, in one transaction. With
        `new`, `work` creates the record: the upload gets an event number even without events, and StateFull is raised
        if less than the reserve of the disk is free.
        """
        numbered = _with_events(work, recorded, events) if new or events else work
        await self._thread.write(numbered, grows=new)
        if events:
            self.outbox.wake()

    async def _select(self, query: str, *values: object) -> Sequence[str]:
        """Return the first column of every row of the query's result, as text."""
        return await self._thread.read(lambda connection: [str(row[0]) for row in connection.execute(query, values)])

    async def _select_numbered(self, query: str, *values: object) -> Sequence[Numbered]:
        def work(connection: sqlite3.Connection) -> Sequence[tuple[str, int]]:
            return connection.execute(query, values).fetchall()

        return [Numbered(upload=decode(document), seq=seq) for document, seq in await self._thread.read(work)]


def _with_events(
    work: Callable[[sqlite3.Connection], None], recorded: Upload, events: Sequence[Event]
) -> Callable[[sqlite3.Connection], None]:
    """Return work that first stores the events, then does `work`: so the record that `work` saves gets the number of
    the last event or, without events, the number taken in place of one.
    """

    def both(connection: sqlite3.Connection) -> None:
        store(events, recorded, connection)
        work(connection)

    return both


def _save_query(events: Sequence[Event]) -> str:
    return _SAVE_NUMBERED if events else _SAVE


def _row(upload: Upload) -> tuple[object, ...]:
    return upload.revision, upload.due_at, encode(upload), *charge_of(upload), upload.claim, upload.id


def _write(query: str, document: str, connection: sqlite3.Connection) -> None:
    connection.execute(query, (document,))


def _create(
    upload: Upload, entries: Sequence[str], quota: Quota | None, grant: Grant | None, connection: sqlite3.Connection
) -> None:
    before = None if quota is None else charging.read_before(upload, connection)
    charging.take_over(upload, connection)
    if connection.execute(_CREATE, (*_row(upload), upload.name, upload.account.name)).rowcount == 0:
        if connection.execute(_EXISTS, (upload.id,)).fetchone():
            raise ValueError(f"upload {upload.id} exists")
        raise NameTaken
    if upload.claimed_key and connection.execute(_CLAIM_KEY, (upload.claimed_key, upload.id)).rowcount == 0:
        raise NameTaken
    if grant is not None:
        charging.use(grant, upload.times.created_at, connection)
    if quota is not None and before is not None:
        check_growth(*before, charge_of(upload), quota)
    connection.executemany(_APPEND, [{"upload": upload.id, "document": entry} for entry in entries])


def _save(query: str, row: tuple[object, ...], entries: Sequence[str], connection: sqlite3.Connection) -> None:
    *_, upload_id, revision = row
    if connection.execute(query, row).rowcount == 0:
        raise Superseded(f"upload {upload_id} is no longer at revision {revision}")
    connection.executemany(_APPEND, [{"upload": upload_id, "document": entry} for entry in entries])


def _save_on_terms(
    save: Callable[[sqlite3.Connection], None],
    upload: Upload,
    quota: Quota | None,
    refund: Grant | None,
    connection: sqlite3.Connection,
) -> None:
    if quota is not None:
        charging.check_saved(upload, quota, connection)
    save(connection)
    if refund is not None:
        charging.give_back(refund, connection)


def _rewind(query: str, row: tuple[object, ...], entries: Sequence[str], connection: sqlite3.Connection) -> None:
    _save(query, row, (), connection)
    *_, upload_id, _ = row
    connection.execute(_CLEAR, (upload_id,))
    connection.executemany(_APPEND, [{"upload": upload_id, "document": entry} for entry in entries])


def _delete(upload: Upload, connection: sqlite3.Connection) -> None:
    connection.execute(_DELETE, (upload.id, upload.revision))
    if connection.execute(_EXISTS, (upload.id,)).fetchone():
        raise Superseded(f"upload {upload.id} is no longer at revision {upload.revision}")
