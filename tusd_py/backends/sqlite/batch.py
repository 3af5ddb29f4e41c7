"""The work that the thread of a SQLite connection does, and its transactions."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, Generic, TypeVar

from tusd_py.domain.errors import StateFull, StateUnavailable

T = TypeVar("T")
_ONE_OF_SEVERAL = (("SAVEPOINT job",), ("ROLLBACK TO job",), ("RELEASE job",))
_ONLY_ONE = ((), ("ROLLBACK", "BEGIN"), ())
"""The statements that begin, undo and end a job in a transaction: `_ONE_OF_SEVERAL` for one of several jobs,
`_ONLY_ONE` for the only one."""


class ThreadJob(Generic[T]):
    """Work for the thread of a SQLite connection, and the future by which the task that waits for it in the event loop
    gets its outcome."""

    def __init__(self, work: Callable[[sqlite3.Connection], T], *, writes: bool) -> None:
        self.writes = writes
        self.ended = False
        """True once this job's outcome, a result or an exception, was handed to the event loop."""
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
        """Give the outcome to the waiting task, and drop the job's reference to it: the outcome refers to the job, and
        such a cycle would stay in memory for long."""
        outcome = self._outcome
        del self._outcome
        outcome()

    def fail(self, error: Exception) -> None:
        if isinstance(error, sqlite3.Error | OSError):
            full = isinstance(error, sqlite3.Error) and result_code(error) == sqlite3.SQLITE_FULL
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


def run_batch(connection: sqlite3.Connection, batch: Sequence[ThreadJob[Any]]) -> None:
    """Run the jobs: the reads first, which needn't wait for the commit, nor fail with it when the disk is full. Raises
    the error of a failed transaction, before any write has its outcome; a job's own error is its outcome."""
    for job in batch:
        if not job.writes:
            job.attempt(connection)
            job.settle()
    writes = [job for job in batch if job.writes]
    if writes:
        _commit(connection, writes)


def _commit(connection: sqlite3.Connection, writes: Sequence[ThreadJob[Any]]) -> None:
    """Run all writes in one transaction, commit it, and give each write its outcome. Several get a savepoint each, so
    that a failed one is undone alone. Raises the error of a failed transaction, before any write has its outcome."""
    begin, undo, end = _ONE_OF_SEVERAL if len(writes) > 1 else _ONLY_ONE
    with transaction(connection):
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
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def result_code(error: sqlite3.Error) -> int:
    """Return SQLite's primary result code; 0 if the error isn't from SQLite itself."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def fail_all(batch: Sequence[ThreadJob[Any]], error: Exception) -> None:
    """Raise the error in all tasks that still wait for a job of the batch: an error of SQLite or an OSError as
    StateUnavailable, or as StateFull if SQLite says that the disk is full."""
    for job in batch:
        if not job.ended:
            job.fail(error)
