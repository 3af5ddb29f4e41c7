"""Promises that concern only the state in SQLite."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from contextlib import closing
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from tests.support.uploads import upload
from tusd_py.backends.sqlite import charging
from tusd_py.backends.sqlite import connection as sqlite_thread
from tusd_py.backends.sqlite.schema import VERSION
from tusd_py.backends.sqlite.state import SqliteState
from tusd_py.domain.errors import ConfigurationError, StateFull, StateUnavailable, Superseded
from tusd_py.domain.installation import Installation
from tusd_py.domain.phase import Phase
from tusd_py.domain.record_json import encode
from tusd_py.domain.usage import Usage
from tusd_py.ports.state import Unfinished


async def test_a_file_from_a_newer_version_is_refused_in_clear_words(state: SqliteState, path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(ConfigurationError, match=r"newer version \(schema 99"):
        await state.ping()


FIRST_VERSION = """
CREATE TABLE uploads (id TEXT PRIMARY KEY, revision INTEGER NOT NULL, due_at REAL, document TEXT NOT NULL);
CREATE INDEX uploads_by_due_at ON uploads (due_at, id) WHERE due_at IS NOT NULL;
CREATE TABLE entries (
  upload_id TEXT NOT NULL REFERENCES uploads (id) ON DELETE CASCADE,
  seq INTEGER NOT NULL,
  document TEXT NOT NULL,
  PRIMARY KEY (upload_id, seq)
) WITHOUT ROWID;
PRAGMA user_version = 1;
"""


async def test_a_file_of_the_first_version_goes_on_with_its_uploads(state: SqliteState, path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(FIRST_VERSION)
        connection.execute(
            "INSERT INTO uploads VALUES (?, 1, NULL, ?)", (upload().id, encode(replace(upload(), revision=1)))
        )
        connection.commit()
    installation = await state.install(Installation(id="a" * 32))
    assert await state.installation() == installation
    assert await state.load(upload().id) == replace(upload(), revision=1)
    assert await state.unfinished() == Unfinished(count=1, claimed=10)


async def test_uploads_from_before_they_were_counted_are_counted(state: SqliteState, path: Path) -> None:
    before = [
        upload(1, length=100, offset=40),
        upload(2, length=None, offset=7),
        upload(3, length=5, phase=Phase.FINISHING),
        upload(4, length=1000, phase=Phase.DONE),
        upload(5, length=1000, phase=Phase.TERMINATING),
    ]
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(FIRST_VERSION)
        connection.executemany(
            "INSERT INTO uploads VALUES (?, 1, NULL, ?)", [(record.id, encode(record)) for record in before]
        )
        connection.commit()
    assert await state.unfinished() == Unfinished(count=3, claimed=112)
    await state.delete(replace(before[0], revision=1))
    assert await state.unfinished() == Unfinished(count=2, claimed=12)


async def test_what_a_process_of_a_version_before_changes_is_counted(state: SqliteState, path: Path) -> None:
    created = await state.create(upload())
    with closing(sqlite3.connect(path)) as connection:
        done = encode(replace(created, phase=Phase.DONE, offset=10, revision=2))
        connection.execute("UPDATE uploads SET revision = 2, document = ?", (done,))
        row = (upload(2).id, encode(upload(2, length=7)))
        connection.execute("INSERT INTO uploads (id, revision, document) VALUES (?, 1, ?)", row)
        connection.execute("PRAGMA user_version = 2")
        connection.commit()
    assert await state.unfinished() == Unfinished(count=1, claimed=7)
    assert await state.usage("-") == Usage(account="-", stored=10, reserved=7, uploads=1)
    later = SqliteState(path)
    assert await later.unfinished() == Unfinished(count=1, claimed=7)
    await later.delete(replace(upload(2), revision=1))
    assert await state.unfinished() == Unfinished()
    await later.aclose()


async def test_start_counts_lengths_that_overflow_a_sum(state: SqliteState, path: Path) -> None:
    """The unfinished uploads of a file of the first version are counted when it is opened, although the sum of their
    lengths overflows SQLite's integers; so are later ones."""
    huge = [upload(number, length=10**18 - 1) for number in range(1100)]
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(FIRST_VERSION)
        connection.executemany(
            "INSERT INTO uploads VALUES (?, 1, NULL, ?)", [(record.id, encode(record)) for record in huge]
        )
        connection.commit()
    assert (await state.unfinished()).count == 1100
    await state.create(upload(1100, length=10**18 - 1))
    assert (await state.unfinished()).count == 1101


async def test_save_without_a_new_claim_writes_one_row(state: SqliteState) -> None:
    created = await state.create(upload(length=10))
    changes = [await state._thread.read(lambda connection: connection.total_changes)]
    for offset in (5, 10):
        created = await state.save(replace(created, offset=offset))
        changes.append(await state._thread.read(lambda connection: connection.total_changes))
    assert [after - before for before, after in pairwise(changes)] == [1, 1]


async def test_process_of_first_version_does_no_harm(state: SqliteState, path: Path) -> None:
    """After a process of the first version has written its own version into the file, a newer process still finds the
    installation and writes the current version again."""
    installation = await state.install(Installation(id="a" * 32))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 1")
    later = SqliteState(path)
    assert await later.installation() == installation
    await later.aclose()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (VERSION,)


async def test_endless_foreign_writer_blocks_writes_only(
    state: SqliteState, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While another connection's write transaction on the file doesn't end, writes raise StateUnavailable, not
    StateFull; reads go on."""
    monkeypatch.setattr(sqlite_thread, "BUSY_SECONDS", 0.1)
    created = await state.create(upload())
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        with pytest.raises(StateUnavailable, match="locked") as raised:
            await state.save(created)
        assert type(raised.value) is StateUnavailable, "not full"
        assert await state.load(created.id) == created
        writer.execute("ROLLBACK")
    assert (await state.save(created)).revision == 2


async def test_a_full_disk_is_told_of_and_takes_nothing_back(state: SqliteState) -> None:
    created = await state.create(upload())
    await state._thread.read(lambda connection: connection.execute("PRAGMA max_page_count = 1").fetchone())
    with pytest.raises(StateFull, match="full") as raised:
        await state.save(created, [{"part": "x" * 100_000}])
    assert isinstance(raised.value.__cause__, sqlite3.OperationalError)
    assert await state.load(created.id) == created
    await state._thread.read(lambda connection: connection.execute("PRAGMA max_page_count = 100000").fetchone())
    assert (await state.save(created, [{"part": "x" * 100_000}])).revision == 2


async def test_a_place_that_cannot_be_written_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a directory")
    state = SqliteState(tmp_path / "file" / "state.db")
    with pytest.raises(StateUnavailable):
        await state.ping()
    await state.aclose()


async def test_it_recovers_once_its_place_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a directory")
    state = SqliteState(tmp_path / "file" / "state.db")
    with pytest.raises(StateUnavailable):
        await state.ping()
    (tmp_path / "file").unlink()
    await state.ping()
    await state.aclose()


async def test_waiting_saves_share_one_commit(state: SqliteState) -> None:
    """Saves that wait share one commit, and a refused one among them undoes no other."""
    created = [await state.create(upload(number)) for number in range(20)]
    commits: list[str] = []
    await state._thread.read(lambda connection: connection.set_trace_callback(commits.append))
    entered, gate = threading.Event(), threading.Event()

    def block(_: sqlite3.Connection) -> bool:
        entered.set()
        return gate.wait(10)

    blocked = asyncio.create_task(state._thread.read(block))
    assert await asyncio.to_thread(entered.wait, 10)
    saves = [asyncio.create_task(state.save(record, [{"part": 1}])) for record in created]
    stale = asyncio.create_task(state.save(replace(created[0], revision=0), [{"part": 9}]))
    await asyncio.sleep(0)
    gate.set()
    saved = await asyncio.gather(*saves)
    with pytest.raises(Superseded):
        await stale
    await blocked
    assert commits.count("COMMIT") == 1
    assert [await state.load(record.id) for record in saved] == saved
    assert list(await state.entries(created[0].id)) == [{"part": 1}]


async def test_work_that_breaks_hurts_nobody_else(state: SqliteState) -> None:
    def broken(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM uploads")
        raise ZeroDivisionError

    created = await state.create(upload())
    outcomes = await asyncio.gather(state._thread.write(broken), state.save(created), return_exceptions=True)
    assert isinstance(outcomes[0], ZeroDivisionError)
    assert await state.load(created.id) == outcomes[1] == replace(created, revision=2)


async def test_an_error_without_a_code_is_unavailable(state: SqliteState) -> None:
    """A write that fails with an error without an SQLite code, as Python's sqlite3 module raises some itself, raises
    StateUnavailable, not StateFull."""
    with pytest.raises(StateUnavailable, match="bindings") as raised:
        await state._thread.write(lambda connection: connection.execute("SELECT ?"))
    assert type(raised.value) is StateUnavailable, "not full"


async def test_closing_finishes_what_was_asked_for_and_ends_the_thread(path: Path) -> None:
    before = threading.active_count()
    state = SqliteState(path)
    creations = [asyncio.create_task(state.create(upload(number))) for number in range(30)]
    await asyncio.sleep(0)
    await state.aclose()
    assert len(await asyncio.gather(*creations)) == 30
    assert not [thread for thread in threading.enumerate() if "sqlite" in thread.name]
    assert threading.active_count() <= before + 1  # the loop's own executor
    with pytest.raises(StateUnavailable, match="closed"):
        await state.ping()


async def test_a_cancelled_call_does_not_disturb_the_thread(state: SqliteState) -> None:
    task = asyncio.create_task(state.create(upload(1)))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    await state.create(upload(2))


async def test_a_save_costs_the_same_after_ten_thousand_parts(state: SqliteState) -> None:
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    current = await state.create(upload())
    await state._thread.read(lambda connection: connection.set_progress_handler(count, 1))
    costs = []
    for already in (1, 10_000):
        current = await state.save(current, [{"part": number} for number in range(already)])
        steps = 0
        current = await state.save(current, [{"part": "one more"}])
        costs.append(steps)
    assert costs[0] == costs[1] > 0


async def test_what_is_due_is_found_by_its_index(state: SqliteState) -> None:
    await state.ping()
    query = "EXPLAIN QUERY PLAN SELECT id FROM uploads WHERE due_at <= 1 ORDER BY due_at, id LIMIT 1"
    ((*_, plan),) = await state._thread.read(lambda connection: connection.execute(query).fetchall())
    assert "USING COVERING INDEX uploads_by_due_at" in plan


async def test_a_recount_counts_what_it_corrects_on_all_pages(
    state: SqliteState, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(charging, "_PAGE", 1)
    for number in range(3):
        await state.create(upload(number, length=10))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE uploads SET reserved = 7 WHERE id <> ?", (upload(1).id,))
        connection.commit()
    assert await state.recount() == 2
    assert await state.recount() == 0
