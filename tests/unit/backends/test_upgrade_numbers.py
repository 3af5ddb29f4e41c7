"""The event numbers of uploads and events that earlier versions stored, or that their nodes store after the upgrade."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from unittest.mock import AsyncMock

import pytest

from tests.support.events import ALL, EVER, KEPT, created, ended
from tests.support.uploads import upload
from tests.unit.backends.test_upgrade import RECORDS, NodeBefore, file_of_schema
from tusd_py.backends.redis import numbers as redis_numbers
from tusd_py.backends.redis.connection import connect
from tusd_py.backends.redis.numbers import RedisNumbers
from tusd_py.backends.redis.state import RedisState
from tusd_py.backends.sqlite.schema import VERSION
from tusd_py.backends.sqlite.state import SqliteState
from tusd_py.domain.events import Event, EventType
from tusd_py.domain.phase import Phase
from tusd_py.domain.record_json import encode
from tusd_py.domain.upload import Upload
from tusd_py.domain.usage import charge_of
from tusd_py.ports.state import Numbered, StateStore

CREATE = """
    INSERT INTO uploads (revision, counted, due_at, document, stored, reserved, claim, id, name, account)
    VALUES (?1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT DO NOTHING
"""
SAVE = """
    UPDATE uploads SET revision = ?1, counted = ?1, due_at = ?2, document = ?3, stored = ?4, reserved = ?5, claim = ?6
    WHERE id = ?7 AND revision = ?8
"""
EVENT = "INSERT INTO events (id, upload_id, type, at, document) VALUES (?, ?, ?, ?, '{}')"
DELIVERY = "INSERT INTO deliveries (sink, upload_id, seq, due_at) VALUES (?, ?, ?, ?)"


class ProcessBefore:
    """A process of the previous version, which gives uploads no event numbers: its writes to the SQLite file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def create(self, record: Upload) -> None:
        self._execute(CREATE, *self._row(replace(record, revision=1)), record.name, record.account.name)

    def save(self, upload: Upload) -> Upload:
        saved = replace(upload, revision=upload.revision + 1)
        self._execute(SAVE, *self._row(saved), upload.revision)
        return saved

    def tell(self, of: Upload, kind: EventType, *sinks: str) -> None:
        seq = self._execute(EVENT, f"evt_{of.id}_{kind}", of.id, kind, 1.0)
        for sink in sinks:
            self._execute(DELIVERY, sink, of.id, seq, 1.0)

    def overwrite_version(self) -> None:
        self._execute(f"PRAGMA user_version = {VERSION - 1}")

    def _row(self, upload: Upload) -> tuple[object, ...]:
        return upload.revision, upload.due_at, encode(upload), *charge_of(upload), upload.claim, upload.id

    def _execute(self, statement: str, *values: object) -> int | None:
        with closing(sqlite3.connect(self._path)) as connection, connection:
            return connection.execute(statement, values).lastrowid


async def numbers(state: StateStore) -> Sequence[tuple[int, str]]:
    return [(numbered.seq, numbered.upload.id) for numbered in await state.changed(0, 100)]


@pytest.mark.parametrize(("schema", "last"), [(3, 0), (4, 3), (5, 3)])
async def test_uploads_are_numbered_in_the_order_of_their_creation(tmp_path: Path, schema: int, last: int) -> None:
    path = file_of_schema(tmp_path, schema)
    first = replace(RECORDS[3], times=replace(RECORDS[3].times, created_at=0.5))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE uploads SET document = ? WHERE id = ?", (encode(first), first.id))
    state = SqliteState(path)
    in_order = [RECORDS[3], *RECORDS[:3], RECORDS[4]]
    assert await numbers(state) == [(last + place, entry.id) for place, entry in enumerate(in_order, 1)]
    assert await state.outbox.last_seq() == last + 5
    assert [entry.seq for entry in await state.outbox.events(0, 10)] == list(range(1, last + 1))
    await created(state, 9)
    assert (await numbers(state))[-1] == (last + 6, upload(9).id)
    await state.aclose()


async def test_the_migration_may_be_repeated(state: SqliteState, path: Path) -> None:
    uploads = [await created(state, number) for number in (2, 1)]
    await state.delete(await created(state, 3))
    ProcessBefore(path).overwrite_version()
    later = SqliteState(path)
    assert await numbers(later) == [(1, uploads[0].id), (2, uploads[1].id)]
    assert await later.outbox.last_seq() == 3
    await later.aclose()


async def test_what_the_version_before_creates_and_ends_is_numbered(state: SqliteState, path: Path) -> None:
    before = ProcessBefore(path)
    mine = await created(state, 1)
    before.create(upload(2))
    assert await numbers(state) == [(1, mine.id), (2, upload(2).id)]
    mine = before.save(replace(mine, offset=5))
    assert await numbers(state) == [(1, mine.id), (2, upload(2).id)]
    mine = before.save(replace(mine, offset=10, phase=Phase.DONE))
    assert await numbers(state) == [(2, upload(2).id), (3, mine.id)]
    before.save(replace(mine, phase=Phase.TERMINATING))
    assert await numbers(state) == [(2, upload(2).id), (4, mine.id)]
    assert await state.outbox.last_seq() == 4


async def test_what_a_still_older_version_finishes_is_numbered(state: SqliteState, path: Path) -> None:
    """Uploads that a process of a version before the previous one finishes or creates get event numbers, which that
    version doesn't know."""
    mine = await created(state, 1)
    done = encode(replace(mine, phase=Phase.DONE, offset=10, revision=2))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE uploads SET revision = 2, document = ? WHERE id = ?", (done, mine.id))
        connection.execute("INSERT INTO uploads (revision, document, id) VALUES (1, ?, 'x')", (encode(upload(2)),))
    assert [numbered.seq for numbered in await state.changed(0, 10)] == [2, 3]


async def test_what_the_version_before_tells_is_kept_for_a_feed(state: SqliteState, path: Path) -> None:
    """An event that a process of the previous version stores with a delivery to the feed is kept for the feed, without
    that delivery."""
    await state.outbox.register([KEPT, ALL])
    before = ProcessBefore(path)
    before.create(upload())
    before.tell(upload(), EventType.CREATED, KEPT.name, ALL.name)
    [stored] = await state.outbox.events(0, 10)
    assert (stored.seq, stored.type) == (2, EventType.CREATED)
    assert [row.sink for row in await state.outbox.deliveries(stored.id)] == [ALL.name]
    assert [row.sink for row in await state.outbox.backlogs()] == [ALL.name]
    await state.outbox.mark_delivered((await state.outbox.deliveries(stored.id))[0])
    assert await state.outbox.prune(EVER, 10) == 1


@pytest.fixture
async def now(redis_url: str) -> AsyncIterator[RedisState]:
    store = RedisState(redis_url)
    yield store
    await store.aclose()


@pytest.fixture
async def before(redis_url: str) -> AsyncIterator[NodeBefore]:
    node = NodeBefore(redis_url, "tusd-py:")
    yield node
    await node.aclose()


async def test_uploads_of_previous_version_get_numbers(now: RedisState, before: NodeBefore) -> None:
    for number in (2, 1):
        assert await before.put(upload(number, revision=1), "")
    await created(now, 3)
    assert await numbers(now) == [(1, upload(3).id), (2, upload(1).id), (3, upload(2).id)]
    assert await before.put(upload(4, revision=1), "")
    assert (await now.numbered(upload(4).id)) == Numbered(upload=upload(4, revision=1), seq=4)
    assert await now.outbox.last_seq() == 4
    assert len(await numbers(now)) == 4


async def test_any_number_of_them_is_numbered_page_by_page(
    now: RedisState, before: NodeBefore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_numbers, "_PAGE", 2)
    for count in (4, 5):  # whole pages, and a part of one
        for number in range(10 * count, 11 * count):
            assert await before.put(upload(number, revision=1), "")
        assert len(await numbers(now)) == len(await now.list(None, 100))


async def test_one_that_they_create_meanwhile_hides_no_other(
    now: RedisState, before: NodeBefore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`RedisState.changed`, which lists uploads by event number, first numbers those that have none. An upload that a
    node of the previous version creates right after that isn't in the list yet, and keeps no other out of it."""
    monkeypatch.setattr(RedisNumbers, "_number_all", AsyncMock())
    await created(now, 1)
    assert await before.put(upload(2, revision=1), "")
    assert await numbers(now) == [(1, upload(1).id)]


async def test_what_they_save_gets_a_number_once_a_newer_node_finds_it(now: RedisState, before: NodeBefore) -> None:
    looked_up, saved, counted = [await created(now, number) for number in (1, 2, 3)]
    for record in (looked_up, saved, counted):
        assert await before.put(replace(record, offset=10, phase=Phase.DONE, revision=2), "1")
    assert await numbers(now) == [(1, looked_up.id), (2, saved.id), (3, counted.id)]
    numbered = await now.numbered(looked_up.id)
    assert numbered is not None
    assert (numbered.seq, numbered.upload.phase) == (4, Phase.DONE)
    saved = await now.save(replace(saved, revision=2))
    await now.recount()
    assert await numbers(now) == [(4, looked_up.id), (5, saved.id), (6, counted.id)]
    await now.save(saved)
    await now.recount()
    assert await now.numbered(looked_up.id) == numbered
    assert await numbers(now) == [(4, looked_up.id), (5, saved.id), (6, counted.id)]


async def test_what_they_delete_is_listed_no_more(now: RedisState, before: NodeBefore, redis_url: str) -> None:
    first, second = await created(now, 1), await created(now, 2)
    assert await before.delete(first)
    assert await numbers(now) == [(2, second.id)]
    assert await now.numbered(first.id) is None
    assert await before.delete(second)
    await now.recount()
    async with connect(redis_url) as operator:
        assert await operator.zcard("tusd-py:seqs") == 0


async def test_events_of_previous_version_reach_feed_and_sinks(
    now: RedisState, before: NodeBefore, redis_url: str
) -> None:
    await now.outbox.register([KEPT, ALL])
    emitted = [Event(type=kind, upload=upload()) for kind in (EventType.CREATED, EventType.TERMINATED)]
    assert await before.put(upload(revision=1), "", events=emitted)
    assert [(row.seq, row.type) for row in await now.outbox.events(0, 10)] == [(1, "created"), (2, "terminated")]
    assert [row.sink for row in await now.outbox.backlogs()] == [ALL.name]
    while due := await now.outbox.due(ALL.name, EVER, 1):
        await now.outbox.mark_delivered(due[0])
    assert await now.outbox.prune(EVER, 10) == 2
    assert await now.outbox.events(0, 10) == []
    async with connect(redis_url) as operator:
        assert await operator.keys("tusd-py:*feed*") == []


async def test_events_that_were_stored_before_the_upgrade_are_kept(
    now: RedisState, before: NodeBefore, redis_url: str
) -> None:
    """An event that an older node has stored stays in the feed, even if that node has entered it in the list for
    operators."""
    await now.outbox.register([ALL])
    assert await before.put(upload(revision=1), "", events=[Event(type=EventType.CREATED, upload=upload())])
    async with connect(redis_url) as operator:
        await operator.set("tusd-py:event-entered", 1)
    await now.outbox.register([])
    await ended(now, upload(revision=1))
    assert [event.seq for event in await now.outbox.events(0, 10)] == [1]
    await now.outbox.register([KEPT])
    await created(now, 2)
    assert [event.seq for event in await now.outbox.events(0, 10)] == [1, 3]
