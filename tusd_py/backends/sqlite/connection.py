"""One SQLite connection in its own thread; all waiting writes share one commit."""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

from tusd_py.disk.files import make_directory, make_file
from tusd_py.disk.space import Ballast, disk_space
from tusd_py.domain.errors import StateFull, StateUnavailable
from tusd_py.domain.space import Space

T = TypeVar("T")

BUSY_SECONDS = 5.0
"""Seconds that a batch waits for another process's write before it fails."""
_PAGE = 4096
_RESTORE_SECONDS = 1.0
"""Seconds between two checks that the ballast exists."""
_RETRIES = 5
"""The number of retries of a batch when the disk is full."""
_DISK_FULL = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)
"""SQLite's error codes for a full disk: over a quota, or when the log can't be created, the code isn't FULL."""


class SqliteThread:
    """A thread that runs work on the database at `path`, so that the event loop is never blocked.

    `prepare` runs once per connection, in a transaction. `synchronous` is SQLite's: with FULL, a write that returned
    survives power loss. An exception of the work rolls back that work alone; errors of the database itself are
    StateUnavailable.

    Next to the database is a ballast. When the disk is full it is deleted, and the batch is retried without the work
    that `grows`. Before that the log is checkpointed, for which the ballast is large enough, and then overwritten from
    its beginning: no other program can have taken the space that it occupies.
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
        self._jobs: queue.SimpleQueue[_Job[Any] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._closed = False

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Return the result of `work`, which may only read, with one statement."""
        return await self._run(_Job(work, writes=False))

    async def write(self, work: Callable[[sqlite3.Connection], T], *, grows: bool = False) -> T:
        """Return the result of `work` once committed. Raises StateFull if it `grows` and only the reserve is free."""
        return await self._run(_Job(partial(self._unless_full, work) if grows else work, writes=True))

    async def space(self) -> Space:
        """Return the free space for work that `grows`."""
        return await self.read(self._space)

    async def aclose(self) -> None:
        """Finish the queued work, then end the thread."""
        self._closed = True
        self._jobs.put(None)
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)

    async def _run(self, job: _Job[T]) -> T:
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
                _fail(batch, error)
        if self._connection is not None:
            self._connection.close()

    def _process(self, batch: Sequence[_Job[Any]]) -> None:
        try:
            self._attempt(batch)
            self._restore_ballast()
        except sqlite3.Error as error:
            if _code(error) not in _DISK_FULL:
                raise
            self._retry(batch)
        finally:
            self._retrying = False

    def _retry(self, batch: Sequence[_Job[Any]]) -> None:
        """Free space and run the batch again, repeatedly: another process may take the space first."""
        self._retrying = True
        for remaining in reversed(range(_RETRIES)):
            self._free_space()
            try:
                self._attempt(batch)
            except sqlite3.Error as error:
                if not remaining or _code(error) not in _DISK_FULL:
                    raise
            else:
                self._checkpoint()  # the file grows by what this batch added before another program takes the space
                return

    def _attempt(self, batch: Sequence[_Job[Any]]) -> None:
        self._connection = self._connection or self._open()
        _run_batch(self._connection, [job for job in batch if not job.ended])

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
        """Return the free space. While the ballast reserves some for the log, the file's unused pages count as free."""
        space = disk_space(self._path.parent)
        if space.full and self._ballast.exists:
            unused, size = (
                connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("freelist_count", "page_size")
            )
            return replace(space, free=space.free + unused * size)
        return space

    def _batches(self) -> Iterator[Sequence[_Job[Any]]]:
        """Yield the jobs queued since the last batch, waiting for at least one, until `aclose`."""
        job: _Job[Any] | None
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
            with _transaction(connection):
                self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection


class _Job(Generic[T]):
    """Work for the thread, and the future of its outcome, for the task that waits in the event loop."""

    def __init__(self, work: Callable[[sqlite3.Connection], T], *, writes: bool) -> None:
        self.writes = writes
        self.ended = False
        """True once the outcome was handed to the event loop."""
        self._loop = asyncio.get_running_loop()
        self.future: asyncio.Future[T] = self._loop.create_future()
        self._outcome: Callable[[], None]
        self._work = work

    def attempt(self, connection: sqlite3.Connection) -> Exception | None:
        """Do the work, and return the exception it raised, if any; `settle` then sets the outcome."""
        try:
            result = self._work(connection)
        except Exception as error:  # noqa: BLE001 - raised in the waiting task
            self._outcome = partial(self.fail, error)
            return error
        self._outcome = partial(self._end, self.future.set_result, result)
        return None

    def settle(self) -> None:
        """Set the outcome, and keep it no longer: a job in a cycle with its result would hold that for a long time."""
        outcome = self._outcome
        del self._outcome
        outcome()

    def fail(self, error: Exception) -> None:
        if isinstance(error, sqlite3.Error | OSError):
            full = isinstance(error, sqlite3.Error) and _code(error) == sqlite3.SQLITE_FULL
            trouble = (StateFull if full else StateUnavailable)(f"SQLite: {error}")
            trouble.__cause__ = error
            error = trouble
        self._end(self.future.set_exception, error)

    def _end(self, set_outcome: Callable[[Any], None], outcome: object) -> None:
        self.ended = True
        with suppress(RuntimeError):  # the loop is closed: no task waits any more
            self._loop.call_soon_threadsafe(self._set, set_outcome, outcome)

    def _set(self, set_outcome: Callable[[Any], None], outcome: object) -> None:
        if not self.future.done():  # not cancelled meanwhile
            set_outcome(outcome)


_ONE_OF_SEVERAL = (("SAVEPOINT job",), ("ROLLBACK TO job",), ("RELEASE job",))
_ONLY_ONE = ((), ("ROLLBACK", "BEGIN"), ())
"""The statements that begin, undo and end one job in a transaction: one of several, or the only one."""


def _run_batch(connection: sqlite3.Connection, batch: Sequence[_Job[Any]]) -> None:
    """Run the reads first: they needn't wait for the commit, nor fail with it when the disk is full."""
    for job in batch:
        if not job.writes:
            job.attempt(connection)
            job.settle()
    writes = [job for job in batch if job.writes]
    if writes:
        _commit(connection, writes)


def _commit(connection: sqlite3.Connection, writes: Sequence[_Job[Any]]) -> None:
    """Commit all writes in one transaction. Several get a savepoint each, so that a failed one is undone alone."""
    begin, undo, end = _ONE_OF_SEVERAL if len(writes) > 1 else _ONLY_ONE
    with _transaction(connection):
        for job in writes:
            _execute(connection, begin)
            if error := job.attempt(connection):
                if not connection.in_transaction:
                    raise error  # SQLite has rolled back the whole transaction
                _execute(connection, undo)
            _execute(connection, end)
    for job in writes:
        job.settle()


def _execute(connection: sqlite3.Connection, statements: Sequence[str]) -> None:
    for statement in statements:
        connection.execute(statement)


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch to WAL. This needs exclusive access to the file, and SQLite doesn't wait for that."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if time.monotonic() > deadline or _code(error) in _DISK_FULL:
                raise
            time.sleep(0.01)
        else:
            return


def _code(error: sqlite3.Error) -> int:
    """Return SQLite's primary result code; 0 if the error isn't from SQLite itself."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def _fail(batch: Sequence[_Job[Any]], error: Exception) -> None:
    for job in batch:
        if not job.ended:
            job.fail(error)
