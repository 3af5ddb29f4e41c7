"""A database on a full disk: creations end at the reserve, everything else goes on to the last byte."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.small_disk import SmallDisk, small_disk
from tests.support.uploads import upload
from tusd_py.backends.sqlite import connection as sqlite_thread
from tusd_py.backends.sqlite.state import SqliteState
from tusd_py.domain.errors import StateFull
from tusd_py.domain.space import MIB
from tusd_py.domain.upload import Upload

SIZE = 12 * MIB
LARGE = {"filename": bytes(12000)}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path, SIZE) as disk:
        yield disk


@pytest.fixture
async def state(disk: SmallDisk, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SqliteState]:
    monkeypatch.setattr(sqlite_thread, "_RESTORE_SECONDS", 0.0)
    store = SqliteState(disk.path / "state.db")
    await store.ping()
    yield store
    await store.aclose()


async def fill(state: SqliteState, first: int = 0) -> list[Upload]:
    """Create uploads, numbered from `first`, until StateFull is raised; return them."""
    uploads = list[Upload]()
    while True:
        try:
            uploads.append(await state.create(upload(first + len(uploads), metadata=LARGE)))
        except StateFull:
            return uploads


async def test_creations_leave_the_reserve(state: SqliteState, disk: SmallDisk) -> None:
    uploads = await fill(state)
    assert disk.free > SIZE / 20
    assert (await state.space()).full
    assert (await state.save(uploads[0], [{"part": 1}])).revision == 2


async def test_full_disk_reuses_space_of_removed_uploads(state: SqliteState, disk: SmallDisk) -> None:
    """After all uploads of a full disk are removed, over nine tenths as many can be created again, although the
    database file doesn't shrink."""
    uploads = await fill(state)
    for record in uploads:
        await state.delete(await state.save(record))
    assert disk.free < SIZE / 4, "the file is as large as before"
    assert not (await state.space()).full
    assert len(await fill(state)) > 0.9 * len(uploads)


async def test_creations_at_once_do_not_use_up_what_the_others_need(state: SqliteState, disk: SmallDisk) -> None:
    first = await state.create(upload(0))
    disk.fill(leave=SIZE // 10 + 65536)
    entered, gate = threading.Event(), threading.Event()

    def block(_: sqlite3.Connection) -> bool:
        entered.set()
        return gate.wait(10)

    blocked = asyncio.create_task(state._thread.read(block))
    assert await asyncio.to_thread(entered.wait, 10)
    creations = (state.create(upload(number, metadata=LARGE)) for number in range(1, 400))
    waiting = [asyncio.create_task(call) for call in (*creations, state.save(first))]
    await asyncio.sleep(0)
    gate.set()
    *created, saved = await asyncio.gather(*waiting, return_exceptions=True)
    await blocked
    assert saved == replace(first, revision=2)
    assert any(isinstance(result, StateFull) for result in created)
    assert {type(result) for result in created} <= {StateFull, Upload}
    listed = [result.id for result in await state.list(None, 500)]
    assert listed == sorted(result.id for result in [first, *created] if isinstance(result, Upload))


async def test_saves_and_deletes_work_on_a_full_disk(state: SqliteState, disk: SmallDisk) -> None:
    """Every upload can be saved and deleted although another program takes each byte that becomes free."""
    uploads = [await state.create(upload(number, metadata=LARGE)) for number in range(20)]
    for record in uploads:
        disk.fill()
        await state.delete(await state.save(record))
    assert await state.list(None, 10) == []
    disk.fill()
    with pytest.raises(StateFull):
        await state.create(upload())


async def test_it_starts_without_a_byte_left(state: SqliteState, disk: SmallDisk) -> None:
    created = await state.create(upload())
    await state.aclose()
    disk.fill()
    again = SqliteState(disk.path / "state.db")
    assert await again.load(created.id) == created
    await again.delete(created)
    await again.aclose()


async def test_the_ballast_comes_back_with_the_room(state: SqliteState, disk: SmallDisk) -> None:
    ballast = disk.path / "state.db.reserve"
    created = await state.create(upload())
    size = ballast.stat().st_size
    disk.fill()
    for _ in range(300):
        created = await state.save(created, [{"part": "x" * 4096}])
        if not ballast.exists():
            break
    assert not ballast.exists()
    disk.empty()
    await state.save(created)
    await state.ping()
    assert ballast.stat().st_size == size


async def test_over_a_quota_the_ballast_is_not_for_what_grows(state: SqliteState) -> None:
    """A write that must leave the reserve free (`SqliteThread.write` with `grows`), and doesn't fit although the disk
    has space, as over a quota, is run once and raises StateFull: it isn't retried with the space that the ballast, a
    file that is deleted on a full disk, has kept free."""
    attempts = 0

    def grow(connection: sqlite3.Connection) -> None:
        nonlocal attempts
        attempts += 1
        connection.execute("ROLLBACK")
        connection.execute("PRAGMA max_page_count = 1")
        connection.execute("CREATE TABLE more (a)")

    with pytest.raises(StateFull):
        await state._thread.write(grow, grows=True)
    assert attempts == 1


async def test_two_workers_share_a_file_on_a_full_disk(state: SqliteState, disk: SmallDisk) -> None:
    other_state = SqliteState(disk.path / "state.db")
    uploads = [await state.create(upload(number, metadata=LARGE)) for number in range(20)]
    await other_state.ping()
    disk.fill()

    async def move(store: SqliteState, mine: list[Upload]) -> None:
        for record in mine:
            await store.delete(await store.save(record))

    await asyncio.gather(move(state, uploads[::2]), move(other_state, uploads[1::2]))
    assert await other_state.list(None, 10) == []
    await other_state.aclose()


async def test_full_database_fails_after_a_few_attempts(state: SqliteState) -> None:
    """A write that may use the reserve (`SqliteThread.write` without `grows`), and doesn't fit although the disk has
    space, is retried `_RETRIES` times, and then raises StateFull, as the database is full."""
    await state._thread.read(lambda connection: connection.execute("PRAGMA max_page_count = 1").fetchone())
    attempts = 0

    def grow(connection: sqlite3.Connection) -> None:
        nonlocal attempts
        attempts += 1
        connection.execute("ROLLBACK")
        connection.execute("CREATE TABLE more (a)")

    with pytest.raises(StateFull, match="full"):
        await state._thread.write(grow)
    assert attempts == 1 + sqlite_thread._RETRIES
    await state._thread.read(lambda connection: connection.execute("PRAGMA max_page_count = 100000").fetchone())
    await state.ping()
