"""One SQLite connection in its own thread; all waiting writes share one commit."""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeVar

from tusd_py.backends.sqlite.batch import ThreadJob, fail_all, result_code, run_batch, transaction
from tusd_py.disk.files import make_directory, make_file
from tusd_py.disk.space import Ballast, disk_space
from tusd_py.domain.errors import StateFull, StateUnavailable
from tusd_py.domain.space import Space

T = TypeVar("T")

BUSY_SECONDS = 5.0
"""Seconds that a batch waits for another process's write before it fails."""
_PAGE = 4096
_RESTORE_SECONDS = 1.0
"""The least number of seconds between two checks that the ballast, a file that reserves disk space, exists. Each check
follows a batch that succeeded at the first try."""
_RETRIES = 5
"""The number of retries of a batch when the disk is full."""
_DISK_FULL = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)
"""SQLite's error codes for a full disk: over a quota, or when the log can't be created, the code isn't FULL."""


class SqliteThread:
    """A thread that runs work on the database at `path`, so that the event loop is never blocked.

    `prepare` runs once per connection, in a transaction. `synchronous` is SQLite's: with FULL, a write that
    returned survives power loss. Writes that are queued at the same time are committed as a batch, in one
    transaction. An exception of the work rolls back that work alone, and is raised; errors of the database itself
    are raised as StateUnavailable, or as StateFull if the disk is full.

    Next to the database is a file, the ballast. When the disk is full the ballast is deleted, and the batch is
    retried without the writes that need more space. Before the retry the write-ahead log is checkpointed, for
    which the ballast is large enough. The retry then overwrites the log from its beginning: no other program can
    have taken the space of the log.
    """

    def __init__(
        self, path: Path, prepare: Callable[[sqlite3.Connection], None], *, synchronous: Literal["FULL", "OFF"] = "FULL"
    ) -> None:
        self._path = path
        self._prepare = prepare
        self._synchronous = synchronous
        self._ballast = Ballast(path.with_name(f"{path.name}.reserve"))
        self._restore_at = 0.0
        self._retrying = False
        self._connection: sqlite3.Connection | None = None
        self._jobs: queue.SimpleQueue[ThreadJob[Any] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._closed = False

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in the thread and return its result. `work` only reads; as no transaction surrounds it, each of
        its statements may see another state of the database."""
        return await self._run(ThreadJob(work, writes=False))

    async def write(self, work: Callable[[sqlite3.Connection], T], *, grows: bool = False) -> T:
        """Run `work` in the thread; return its result once committed. With `grows`, `work` needs more space: StateFull
        is raised instead if less than the reserve of the disk is free."""
        return await self._run(ThreadJob(partial(self._unless_full, work) if grows else work, writes=True))

    async def space(self) -> Space:
        """Return the free bytes of the database's disk, and its reserve: with fewer free bytes than that,
        `write` with `grows` raises StateFull.
        """
        return await self.read(self._space)

    async def aclose(self) -> None:
        """Finish the queued work, then end the thread."""
        self._closed = True
        self._jobs.put(None)
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)

    async def _run(self, job: ThreadJob[T]) -> T:
        if self._closed:
            raise StateUnavailable(f"{self._path} is closed")
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name=f"sqlite {self._path.name}", daemon=True)
            self._thread.start()
        self._jobs.put(job)
        return await job.future

    def _serve(self) -> None:
        for batch in self._batches():
            try:
                self._process(batch)
            except Exception as error:  # noqa: BLE001 - raised in the waiting tasks; the thread must go on
                fail_all(batch, error)
        if self._connection is not None:
            self._connection.close()

    def _process(self, batch: Sequence[ThreadJob[Any]]) -> None:
        try:
            self._attempt(batch)
            self._restore_ballast()
        except sqlite3.Error as error:
            if result_code(error) not in _DISK_FULL:
                raise
            self._retry(batch)
        finally:
            self._retrying = False

    def _retry(self, batch: Sequence[ThreadJob[Any]]) -> None:
        """Free space and run the batch again, up to `_RETRIES` times: another process may take the space first."""
        self._retrying = True
        for remaining in reversed(range(_RETRIES)):
            self._free_space()
            try:
                self._attempt(batch)
            except sqlite3.Error as error:
                if not remaining or result_code(error) not in _DISK_FULL:
                    raise
            else:
                self._checkpoint()  # the file grows by what this batch added before another program takes the space
                return

    def _attempt(self, batch: Sequence[ThreadJob[Any]]) -> None:
        self._connection = self._connection or self._open()
        run_batch(self._connection, [job for job in batch if not job.ended])

    def _restore_ballast(self) -> None:
        if time.monotonic() >= self._restore_at:
            self._restore_at = time.monotonic() + _RESTORE_SECONDS
            self._ballast.restore()

    def _free_space(self) -> None:
        self._ballast.delete()
        self._checkpoint()

    def _checkpoint(self) -> None:
        if self._connection is not None:
            with suppress(sqlite3.Error):  # it waits for other processes like any statement
                self._connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()

    def _unless_full(self, work: Callable[[sqlite3.Connection], T], connection: sqlite3.Connection) -> T:
        if self._retrying or self._space(connection).full:
            raise StateFull(f"too little space is left on the disk of {self._path}: free some")
        return work(connection)

    def _space(self, connection: sqlite3.Connection) -> Space:
        """Return the free bytes of the disk and its reserve. If less than the reserve is free, but the ballast (a file
        that keeps space for the write-ahead log) exists, the unused pages of the database count as free, too.
        """
        space = disk_space(self._path.parent)
        if space.full and self._ballast.exists:
            unused, size = (
                connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("freelist_count", "page_size")
            )
            return replace(space, free=space.free + unused * size)
        return space

    def _batches(self) -> Iterator[Sequence[ThreadJob[Any]]]:
        """Yield batches until `aclose`: wait for a job, then yield all jobs queued until then whose tasks weren't
        cancelled, perhaps none."""
        job: ThreadJob[Any] | None
        while (job := self._jobs.get()) is not None:
            waiting = []
            while job is not None:
                waiting.append(job)
                if self._jobs.empty():
                    break
                job = self._jobs.get()
            yield [job for job in waiting if not job.future.cancelled()]
            if job is None:
                return

    def _open(self) -> sqlite3.Connection:
        make_directory(self._path.parent)
        make_file(self._path)  # otherwise SQLite creates it and its log with the mode of the umask
        connection = sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None)
        try:
            _use_wal(connection)
            connection.execute(f"PRAGMA synchronous = {self._synchronous}")
            connection.execute(f"PRAGMA wal_autocheckpoint = {self._ballast.size // 2 // _PAGE}")
            connection.execute("PRAGMA foreign_keys = ON")
            with transaction(connection):
                self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch the database to WAL. The switch needs exclusive access to the file, for which SQLite doesn't wait: it is
    retried for `BUSY_SECONDS`, unless the disk is full. Raises sqlite3.OperationalError if the last try fails."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if time.monotonic() > deadline or result_code(error) in _DISK_FULL:
                raise
            time.sleep(0.01)
        else:
            return
