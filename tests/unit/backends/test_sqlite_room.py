"""The reserve of a disk: only the creation of an upload or job needs more free space than that."""

from __future__ import annotations

from math import inf
from pathlib import Path

import pytest

from tests.support.jobs import job
from tests.support.uploads import upload
from tusd_py.backends.sqlite import connection
from tusd_py.backends.sqlite.connection import SqliteThread
from tusd_py.backends.sqlite.state import SqliteState
from tusd_py.domain.errors import StateFull
from tusd_py.domain.space import Space


async def test_only_a_creation_needs_more_than_the_reserve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = SqliteState(tmp_path / "state.db")
    created, created_job = await state.create(upload()), await state.jobs.create(job())
    monkeypatch.setattr(SqliteThread, "_space", lambda *_: Space(free=1, reserve=2))
    for creation in (state.create(upload(2)), state.jobs.create(job(2))):
        with pytest.raises(StateFull, match="free some"):
            await creation
    await state.jobs.save(created_job)
    await state.delete(await state.rewind(await state.save(created, [{"part": 1}]), []))
    assert await state.list(None, 10) == []
    await state.aclose()


async def test_unused_pages_are_room_beside_the_ballast(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unused pages of the database count as free space only while the ballast exists, the file that keeps disk space
    for SQLite's write-ahead log: without it, the log could not grow."""
    monkeypatch.setattr(connection, "_RESTORE_SECONDS", inf)
    state = SqliteState(tmp_path / "state.db")
    await state.delete(await state.create(upload(), [{"part": "x" * 100_000}]))
    monkeypatch.setattr(connection, "disk_space", lambda _: Space(free=0, reserve=1))
    assert not (await state.space()).full
    (tmp_path / "state.db.reserve").unlink()
    assert await state.space() == Space(free=0, reserve=1)
    await state.aclose()


async def test_the_log_is_overwritten_after_want_of_room(tmp_path: Path) -> None:
    """A save after one that failed for want of space doesn't make SQLite's log larger."""
    state, log, entries = SqliteState(tmp_path / "state.db"), tmp_path / "state.db-wal", [{"part": "x" * 100_000}]
    created = await state.create(upload())
    size = log.stat().st_size
    await limit_pages(state, 1)
    with pytest.raises(StateFull):
        await state.save(created, entries)
    await limit_pages(state, 100_000)
    await state.save(created, entries)
    assert log.stat().st_size == size
    await state.aclose()


async def limit_pages(state: SqliteState, count: int) -> None:
    await state._thread.read(lambda connection: connection.execute(f"PRAGMA max_page_count = {count}").fetchone())
