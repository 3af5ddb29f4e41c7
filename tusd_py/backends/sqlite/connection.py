"""One SQLite connection in one thread of its own; every write that waits shares one commit."""

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
"""How long a batch waits for another process's write before it gives up."""
_PAGE = 4096
_RESTORE_SECONDS = 1.0
"""Between two looks if the ballast is there; when it is, they cost next to nothing."""
_RETRIES = 5
"""Of a batch that found no room."""
_NO_ROOM = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)
"""What SQLite may say when there is no room: over a quota, or where its log can't be made, it isn't FULL."""


class SqliteThread:
    """Runs work on the database at `path` without ever blocking the event loop.

    `prepare` runs once per connection, in a transaction. `synchronous` is SQLite's: with FULL, a write that returned
    survives power loss. Work raises whatever it likes, which undoes that work alone; trouble with the database itself
    is StateUnavailable.

    Beside the database lies a ballast. When the disk is full it is given up, and the batch is tried again, without
    what `grows`. The log is brought into the database before that, for which the ballast is large enough, and then
    written from its beginning: what it takes up already, no other program can have taken.
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
        """What `work` returns. It may only read, with one statement."""
        return await self._run(_Job(work, writes=False))

    async def write(self, work: Callable[[sqlite3.Connection], T], *, grows: bool = False) -> T:
        """What `work` returns, once it is committed. Work that `grows` is StateFull when only the reserve is left."""
        return await self._run(_Job(partial(self._if_room, work) if grows else work, writes=True))

    async def space(self) -> Space:
        """The room for work that `grows`."""
        return await self.read(self._space)

    async def aclose(self) -> None:
        """Finish what was asked for, then end the thread."""
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
                self._work_through(batch)
            except Exception as error:  # noqa: BLE001 - told to whoever waits; the thread must go on
                _fail(batch, error)
        if self._connection is not None:
            self._connection.close()

    def _work_through(self, batch: Sequence[_Job[Any]]) -> None:
        try:
            self._attempt(batch)
            self._restore_ballast()
        except sqlite3.Error as error:
            if _code(error) not in _NO_ROOM:
                raise
            self._retry(batch)
        finally:
            self._retrying = False

    def _retry(self, batch: Sequence[_Job[Any]]) -> None:
        """Another process may take first what was made room for, so more than once."""
        self._retrying = True
        for left in reversed(range(_RETRIES)):
            self._make_room()
            try:
                self._attempt(batch)
            except sqlite3.Error as error:
                if not left or _code(error) not in _NO_ROOM:
                    raise
            else:
                return

    def _attempt(self, batch: Sequence[_Job[Any]]) -> None:
        self._connection = self._connection or self._open()
        _run_batch(self._connection, [job for job in batch if not job.ended])

    def _restore_ballast(self) -> None:
        if time.monotonic() >= self._restore_at:
            self._restore_at = time.monotonic() + _RESTORE_SECONDS
            self._ballast.restore()

    def _make_room(self) -> None:
        self._ballast.give_up()
        if self._connection is not None:
            with suppress(sqlite3.Error):  # it waits for other processes as any statement does
                self._connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()

    def _if_room(self, work: Callable[[sqlite3.Connection], T], connection: sqlite3.Connection) -> T:
        if self._retrying or self._space(connection).full:
            raise StateFull(f"too little room is left on the disk of {self._path}: free some")
        return work(connection)

    def _space(self, connection: sqlite3.Connection) -> Space:
        """The file never shrinks: its unused pages are room, too, as long as the ballast keeps some for the log."""
        space = disk_space(self._path.parent)
        if space.full and self._ballast.there:
            unused, size = (
                connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("freelist_count", "page_size")
            )
            return replace(space, free=space.free + unused * size)
        return space

    def _batches(self) -> Iterator[Sequence[_Job[Any]]]:
        """Whatever has queued up since the last batch, as often as there is something, until the end is asked for."""
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
        make_file(self._path)  # else SQLite makes it, and its log beside it, as the umask says
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
    """A piece of work for the thread, and the future of the loop's task that waits for its outcome."""

    def __init__(self, work: Callable[[sqlite3.Connection], T], *, writes: bool) -> None:
        self.writes = writes
        self.ended = False
        """Its outcome was told."""
        self._loop = asyncio.get_running_loop()
        self.future: asyncio.Future[T] = self._loop.create_future()
        self.settle: Callable[[], None]
        self._work = work

    def attempt(self, connection: sqlite3.Connection) -> Exception | None:
        """Do the work, and return what it raised; `settle` tells the outcome."""
        try:
            result = self._work(connection)
        except Exception as error:  # noqa: BLE001 - told to the task that waits
            self.settle = partial(self.fail, error)
            return error
        self.settle = partial(self._end, self.future.set_result, result)
        return None

    def fail(self, error: Exception) -> None:
        if isinstance(error, sqlite3.Error | OSError):
            full = isinstance(error, sqlite3.Error) and _code(error) == sqlite3.SQLITE_FULL
            trouble = (StateFull if full else StateUnavailable)(f"SQLite: {error}")
            trouble.__cause__ = error
            error = trouble
        self._end(self.future.set_exception, error)

    def _end(self, tell: Callable[[Any], None], outcome: object) -> None:
        self.ended = True
        with suppress(RuntimeError):  # the loop was closed: no task waits any more
            self._loop.call_soon_threadsafe(self._tell, tell, outcome)

    def _tell(self, tell: Callable[[Any], None], outcome: object) -> None:
        if not self.future.done():  # cancelled meanwhile
            tell(outcome)


_APART = (("SAVEPOINT job",), ("ROLLBACK TO job",), ("RELEASE job",))
_ALONE = ((), ("ROLLBACK", "BEGIN"), ())
"""What begins, undoes and ends one job in a transaction."""


def _run_batch(connection: sqlite3.Connection, batch: Sequence[_Job[Any]]) -> None:
    """Reads first: they need not wait for the commit, nor suffer when there is no room for it."""
    for job in batch:
        if not job.writes:
            job.attempt(connection)
            job.settle()
    writes = [job for job in batch if job.writes]
    if writes:
        _commit(connection, writes)


def _commit(connection: sqlite3.Connection, writes: Sequence[_Job[Any]]) -> None:
    """One transaction for all; where there are several, a savepoint each, so that one refusal undoes no other."""
    begin, undo, end = _APART if len(writes) > 1 else _ALONE
    with _transaction(connection):
        for job in writes:
            _execute(connection, begin)
            if error := job.attempt(connection):
                if not connection.in_transaction:
                    raise error  # so bad that SQLite gave up the whole transaction
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
    """The switch needs the file for itself, and SQLite doesn't wait for that on its own."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if time.monotonic() > deadline or _code(error) in _NO_ROOM:
                raise
            time.sleep(0.01)
        else:
            return


def _code(error: sqlite3.Error) -> int:
    """SQLite's, without what it adds for some; 0 if the error isn't from SQLite itself."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def _fail(batch: Sequence[_Job[Any]], error: Exception) -> None:
    for job in batch:
        if not job.ended:
            job.fail(error)
