"""The opening of a SQLite file next to other processes, and the thread that has it open."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tusd_py.backends.sqlite import connection
from tusd_py.backends.sqlite.state import SqliteState
from tusd_py.domain.errors import StateUnavailable


@pytest.fixture
def writer(state: SqliteState, path: Path) -> Iterator[sqlite3.Connection]:
    """A foreign connection in a write transaction on the file at `path`. The file isn't switched to WAL yet; SQLite
    doesn't let the switch wait for the end of that transaction."""
    del state  # it is closed later, when the writer doesn't hold it up any more
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        yield writer


async def test_the_opening_waits_for_a_foreign_writer(state: SqliteState, writer: sqlite3.Connection) -> None:
    opening = asyncio.create_task(state.ping())
    await asyncio.wait([opening], timeout=0.2)
    assert not opening.done()
    writer.execute("ROLLBACK")
    await opening


@pytest.mark.usefixtures("writer")
async def test_the_opening_gives_up_beside_an_endless_writer(
    state: SqliteState, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "BUSY_SECONDS", 0.1)
    with pytest.raises(StateUnavailable, match="locked"):
        await asyncio.wait_for(state.ping(), 10)


async def test_a_store_left_open_does_not_keep_its_process(state: SqliteState, path: Path) -> None:
    """A process can end although a store is open, as the store's thread is a daemon."""
    await state.ping()
    assert [thread.daemon for thread in threading.enumerate() if thread.name == f"sqlite {path.name}"] == [True]
