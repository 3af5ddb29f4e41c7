"""The records of jobs in the SQLite file."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from math import inf
from operator import attrgetter, itemgetter

from tusd_py.backends.pages import read_page
from tusd_py.backends.sqlite.connection import SqliteThread
from tusd_py.backends.sqlite.outbox import store_end
from tusd_py.domain.errors import Superseded
from tusd_py.domain.job import Job, JobId, JobPlace
from tusd_py.domain.job_json import advance_job, decode_job, encode_job
from tusd_py.domain.thresholds import DEFAULT
from tusd_py.domain.upload_id import UploadId
from tusd_py.ports.jobs import JobSelection

MIGRATION = (
    """
    CREATE TABLE IF NOT EXISTS jobs (
      id TEXT PRIMARY KEY,
      revision INTEGER NOT NULL,
      upload_id TEXT,
      kind TEXT NOT NULL,
      account TEXT,
      phase TEXT NOT NULL,
      created_at REAL NOT NULL,
      due_at REAL,
      ended_at REAL,
      document TEXT NOT NULL
    )
    """,
    "CREATE INDEX IF NOT EXISTS jobs_by_creation ON jobs (created_at, id)",
    "CREATE INDEX IF NOT EXISTS jobs_by_upload ON jobs (upload_id, created_at, id)",
    "CREATE INDEX IF NOT EXISTS jobs_by_due_at ON jobs (due_at, id) WHERE due_at IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS jobs_by_end ON jobs (ended_at) WHERE ended_at IS NOT NULL",
)
"""The statements that create the table of jobs and its indexes. They are safe to repeat."""

_CREATE = """
    INSERT INTO jobs (revision, phase, due_at, ended_at, document, id, upload_id, kind, account, created_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
"""
_SAVE = """
    UPDATE jobs SET revision = ?, phase = ?, due_at = ?, ended_at = ?, document = ? WHERE id = ? AND revision = ?
"""
_LOAD = "SELECT document FROM jobs WHERE id = ?"
_REVISION = "SELECT revision FROM jobs WHERE id = ?"
_OPEN = "SELECT 1 FROM jobs WHERE id = ? AND ended_at IS NULL"
_DUE = "SELECT document FROM jobs WHERE due_at <= ? ORDER BY due_at, id LIMIT ?"
_RECENT = """
    SELECT document FROM jobs WHERE upload_id = ?
    ORDER BY ended_at IS NULL DESC, ended_at DESC, created_at DESC, id DESC LIMIT ?
"""
_PRUNE = """
    DELETE FROM jobs
    WHERE id IN (SELECT id FROM jobs WHERE ended_at < ? AND due_at IS NULL ORDER BY ended_at LIMIT ?)
"""


class SqliteJobs:
    """A `JobStore` in SQLite, on the connection of the `SqliteState`."""

    def __init__(self, thread: SqliteThread, wake: Callable[[], None]) -> None:
        """`wake` is called after each save that may have committed the event of a job's end."""
        self._thread, self._wake = thread, wake

    async def create(self, job: Job) -> Job:
        return decode_job(await self._thread.write(partial(_create, replace(job, revision=1)), grows=True))

    async def load(self, job_id: JobId) -> Job | None:
        return next(iter(await self._read(_LOAD, job_id)), None)

    async def revision(self, job_id: JobId) -> int | None:
        row = await self._thread.read(lambda connection: connection.execute(_REVISION, (job_id,)).fetchone())
        return None if row is None else int(row[0])

    async def save(self, job: Job) -> Job:
        saved = advance_job(job)
        await self._thread.write(partial(_save, saved, job.revision))
        if saved.ended:
            self._wake()
        return saved

    async def due(self, now: float, limit: int) -> Sequence[Job]:
        return await self._read(_DUE, now, limit)

    async def list(
        self, selection: JobSelection, after: JobPlace | None, limit: int, size: int = DEFAULT.page_size
    ) -> Sequence[Job]:
        query, values = _select(selection, after)
        return await self._read(query, *values, limit, size=size)

    async def recent(self, upload_id: UploadId, limit: int, size: int = DEFAULT.page_size) -> Sequence[Job]:
        return sorted(await self._read(_RECENT, upload_id, limit, size=size), key=attrgetter("place"))

    async def prune(self, before: float, limit: int) -> int:
        return await self._thread.write(lambda connection: connection.execute(_PRUNE, (before, limit)).rowcount)

    async def _read(self, query: str, *values: object, size: float = inf) -> Sequence[Job]:
        def work(connection: sqlite3.Connection) -> Sequence[tuple[str]]:
            with closing(connection.execute(query, values)) as rows:
                return read_page(rows, size, itemgetter(0))

        return [decode_job(document) for (document,) in await self._thread.read(work)]


def _create(job: Job, connection: sqlite3.Connection) -> str:
    """Store the job, unless there is one with its id; return the JSON that is stored."""
    connection.execute(_CREATE, (*_row(job), job.upload_id, job.kind, job.account, job.created_at))
    (document,) = connection.execute(_LOAD, (job.id,)).fetchone()
    return str(document)


def _save(job: Job, revision: int, connection: sqlite3.Connection) -> None:
    ends = job.ended and connection.execute(_OPEN, (job.id,)).fetchone()
    if connection.execute(_SAVE, (*_row(job), revision)).rowcount == 0:
        raise Superseded(f"job {job.id} is no longer at revision {revision}")
    if ends:
        store_end(job, connection)


def _row(job: Job) -> tuple[object, ...]:
    ended_at = job.updated_at if job.ended else None
    return job.revision, job.phase, job.due_at, ended_at, encode_job(job), job.id


def _select(selection: JobSelection, after: JobPlace | None) -> tuple[str, Sequence[object]]:
    """Return a query for the documents of the selected jobs that follow `after`, oldest first, and the query's values;
    the caller adds the last value, the limit."""
    phases = sorted(selection.phases or ())
    terms: dict[str, Sequence[object]] = {}
    if selection.phases is not None:
        terms[f"phase IN ({', '.join('?' * len(phases))})"] = phases
    for name in ("upload_id", "kind", "account"):
        if (value := getattr(selection, name)) is not None:
            terms[f"{name} = ?"] = [value]
    if after is not None:
        terms["(created_at, id) > (?, ?)"] = after
    where = f" WHERE {' AND '.join(terms)}" if terms else ""
    values = [value for several in terms.values() for value in several]
    return f"SELECT document FROM jobs{where} ORDER BY created_at, id LIMIT ?", values  # noqa: S608 (of constants)
