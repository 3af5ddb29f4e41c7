"""A batch of reads and writes that the thread of a SQLite connection runs together: a failed write undoes no other one,
and no read is run again with it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tusd_py.backends.sqlite.batch import ThreadJob, run_batch
from tusd_py.backends.sqlite.connection import SqliteThread
from tusd_py.domain.errors import StateFull


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.execute("CREATE TABLE numbers (number)")
        yield connection


def insertion(number: int, *, fails: bool = False) -> ThreadJob[None]:
    def insert(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO numbers VALUES (?)", (number,))
        if fails:
            raise ZeroDivisionError

    return ThreadJob(insert, writes=True)


@pytest.mark.parametrize("failing", [0, 1])
async def test_one_failed_write_of_two_undoes_itself_alone(connection: sqlite3.Connection, failing: int) -> None:
    jobs = [insertion(number, fails=number == failing) for number in range(2)]
    run_batch(connection, jobs)
    outcomes = await asyncio.gather(*(job.future for job in jobs), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes].index(ZeroDivisionError) == failing
    assert connection.execute("SELECT number FROM numbers").fetchall() == [(1 - failing,)]


async def test_an_outcome_after_its_cancellation_is_no_error(connection: sqlite3.Connection) -> None:
    errors: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context))
    job = insertion(1)
    run_batch(connection, [job])
    job.future.cancel()
    await asyncio.sleep(0)
    assert errors == []


async def test_a_read_is_not_repeated_with_a_failed_write(tmp_path: Path) -> None:
    thread, reads = SqliteThread(tmp_path / "state.db", lambda _: None), list[int]()
    read = ThreadJob(lambda connection: reads.append(connection.total_changes), writes=False)
    write = ThreadJob(overfill, writes=True)
    for job in (read, write):
        thread._jobs.put(job)
    await thread.read(lambda _: None)  # the thread starts, and finds both
    with pytest.raises(StateFull):
        await write.future
    await thread.aclose()
    assert read.future.done()
    assert len(reads) == 1


def overfill(connection: sqlite3.Connection) -> None:
    """Roll back and raise SQLite's error for a full database, as a write that doesn't fit."""
    connection.execute("ROLLBACK")
    connection.execute("PRAGMA max_page_count = 1")
    connection.execute("CREATE TABLE more (a)")
