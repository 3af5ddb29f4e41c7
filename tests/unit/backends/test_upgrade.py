"""The stored state of earlier versions is read, and their nodes may go on for a while: `before/` holds SQLite files of
those versions, as SQL, and scripts of their Redis calls."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.fixtures_state import Maker
from tests.support.jobs import job
from tests.support.uploads import upload
from tusd_py.backends.redis.connection import connect
from tusd_py.backends.redis.outbox import event_arguments
from tusd_py.backends.redis.state import RedisState
from tusd_py.backends.sqlite.schema import VERSION
from tusd_py.backends.sqlite.state import SqliteState
from tusd_py.domain.digest import WholeDigest
from tusd_py.domain.direct import DirectMode, DirectTransfer
from tusd_py.domain.events import Event, EventType
from tusd_py.domain.installation import Installation
from tusd_py.domain.phase import Phase
from tusd_py.domain.record_json import encode
from tusd_py.domain.upload import Kind, Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.ports.outbox import Backlog, DeliveryState, Selection, Subscription
from tusd_py.ports.state import StateStore, Unfinished

BEFORE = Path(__file__).parent / "before"
RECORDS = (
    upload(1, revision=2, offset=7, cursor={"parts": 1}, metadata={"filename": b"a b.txt", "raw": b"\xff"}),
    upload(2, revision=1, length=None, explicit_completion=True),
    upload(
        3,
        revision=1,
        kind=Kind.FINAL,
        partials=(UploadId(f"{1:032x}"),),
        phase=Phase.DONE,
        offset=10,
        etag="e",
        digest=WholeDigest(algorithm="sha256", value="00"),
    ),
    upload(
        4,
        revision=1,
        phase=Phase.TERMINATING,
        direct=DirectTransfer(mode=DirectMode.WHOLE, presigned_until=20.0),
        troubled_at=3.0,
    ),
    upload(5, revision=1, direct=DirectTransfer(mode=DirectMode.PARTS, parts_check_at=8.0), expires_at=50.0),
)
SINK = Subscription(name="sink", format="cloudevents", types=frozenset(EventType))


@pytest.fixture(params=[3, 4, 5])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A SQLite file of schema 3, 4 or 5, each in turn."""
    return file_of_schema(tmp_path, request.param)


def file_of_schema(folder: Path, schema: int) -> Path:
    path = folder / "state.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((BEFORE / f"sqlite_{schema}.sql").read_text())
    return path


@pytest.fixture
async def upgraded(path: Path) -> AsyncIterator[SqliteState]:
    state = SqliteState(path)
    yield state
    await state.aclose()


def _version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


async def test_a_file_of_the_version_before_goes_on_with_all_it_has(upgraded: SqliteState, path: Path) -> None:
    before = _version(path)
    assert tuple(await upgraded.list(None, 10)) == RECORDS
    entries = [{"n": 1, "len": 5, "etag": "x"}, {"n": 2, "len": 2, "etag": "y"}]
    assert list(await upgraded.entries(RECORDS[0].id)) == entries
    assert await upgraded.unfinished() == Unfinished(count=3, claimed=20)
    assert await upgraded.installation() == Installation(id="ab" * 16, stored=True)
    assert list(await upgraded.due(40.0, 10)) == [RECORDS[4].id, RECORDS[3].id]
    assert before < _version(path) == VERSION


async def test_its_uploads_tell_events(upgraded: SqliteState) -> None:
    assert await _finish_event_ids(upgraded, RECORDS[0]) == [f"evt_{RECORDS[0].id}_finished"]


async def _finish_event_ids(state: StateStore, of: Upload) -> Sequence[str]:
    assert state.outbox is not None
    await state.outbox.register([SINK])
    await state.save(of, events=[Event(type=EventType.FINISHED, upload=of)])
    return [row.event_id for row in await state.outbox.due(SINK.name, 1e9, 10) if row.upload_id == of.id]


@pytest.mark.parametrize("schema", [4, 5])
async def test_its_deliveries_go_on(tmp_path: Path, schema: int) -> None:
    """Stored deliveries of an upload that is gone are listed and counted after the upgrade, and can be restarted."""
    state = SqliteState(file_of_schema(tmp_path, schema))
    removed_id = UploadId(f"{9:032x}")
    listed = await state.outbox.list(Selection(), None, 10)
    assert [(row.upload_id, row.type, row.state, row.error) for row in listed] == [
        (removed_id, EventType.CREATED, DeliveryState.DELIVERED, None),
        (removed_id, EventType.ROLLED_BACK, DeliveryState.DEAD, "HTTP 500"),
        (removed_id, EventType.TERMINATED, DeliveryState.PENDING, None),
    ]
    assert await state.outbox.backlogs() == [Backlog(sink=SINK.name, pending=1, dead=1, oldest=4.0)]
    assert await state.outbox.due(SINK.name, 1e9, 10, strict=True) == []
    assert await state.outbox.restart(listed, 9.0) == 3
    assert await state.outbox.due(SINK.name, 9.0, 10) == [replace(listed[0], state=DeliveryState.PENDING, due_at=9.0)]
    assert await state.outbox.prune(1e9, 10) == 0
    await state.aclose()


async def test_previous_version_runs_next_to_a_newer_one(upgraded: SqliteState, path: Path) -> None:
    """A process of the previous version that saves an upload, and writes its own version into the file, loses neither
    the subscriptions nor the events of the newer version."""
    event_ids = await _finish_event_ids(upgraded, RECORDS[0])
    assert event_ids != []
    with closing(sqlite3.connect(path)) as connection:
        older = replace(RECORDS[0], offset=9, revision=4)
        connection.execute("UPDATE uploads SET revision = 4, document = ? WHERE id = ?", (encode(older), older.id))
        connection.execute(f"PRAGMA user_version = {VERSION - 1}")
        connection.commit()
    assert await upgraded.load(older.id) == older
    later = SqliteState(path)
    assert list(await later.outbox.subscriptions()) == [SINK]
    assert event_ids == [row.event_id for row in await later.outbox.list(Selection(since=0.5), None, 9)][-1:]
    await later.aclose()
    assert _version(path) == VERSION


class NodeBefore:
    """The Redis calls of a node of the previous version."""

    def __init__(self, url: str, prefix: str) -> None:
        self._redis: Any = connect(url)
        self._prefix = prefix
        self._put = self._redis.register_script((BEFORE / "redis_put.lua").read_text())
        self._delete = self._redis.register_script((BEFORE / "redis_delete.lua").read_text())

    async def put(self, upload: Upload, expected: str, *entries: str, events: Sequence[Event] = ()) -> bool:
        claim = "" if upload.claim is None else str(upload.claim)
        record = (upload.id, expected, upload.revision, secrets.token_hex(8), encode(upload), "", claim, 0)
        event_fields = event_arguments(events, upload, encode(upload))
        arguments: list[Any] = [*record, self._prefix, len(events), *event_fields, *entries]
        return bool(await self._put(keys=self._keys(upload.id), args=arguments))

    async def delete(self, upload: Upload) -> bool:
        return bool(await self._delete(keys=self._keys(upload.id), args=[upload.id, upload.revision]))

    def _keys(self, upload_id: UploadId) -> Sequence[str]:
        names = (f"upload:{upload_id}", f"entries:{upload_id}", "ids", "due", "unfinished", "claimed")
        return [self._prefix + name for name in names]

    async def aclose(self) -> None:
        await self._redis.aclose()


async def test_nodes_of_both_versions_share_a_redis(redis_url: str) -> None:
    """Nodes of the previous and of this version save one upload by turns without losing a change, and the save by the
    newer node has its event."""
    before, now = NodeBefore(redis_url, "tusd-py:"), RedisState(redis_url)
    await now.outbox.register([SINK])
    try:
        assert await before.put(upload(revision=1), "", '{"n":1}')
        saved = await now.save(
            upload(revision=1, offset=5), [{"n": 2}], [Event(type=EventType.FINISHED, upload=upload())]
        )
        assert await before.put(replace(saved, offset=7, revision=3), "2", '{"n":3}')
        assert not await before.put(replace(saved, revision=3), "2")
        assert await now.load(saved.id) == replace(saved, offset=7, revision=3)
        assert list(await now.entries(saved.id)) == [{"n": 1}, {"n": 2}, {"n": 3}]
        assert await now.unfinished() == Unfinished(count=1, claimed=10)
        assert await before.delete(replace(saved, revision=3))
        assert await now.load(saved.id) is None
        [delivery] = await now.outbox.due(SINK.name, 1e9, 10)
        assert delivery.event_id == f"evt_{saved.id}_finished"
    finally:
        await before.aclose()
        await now.aclose()


async def test_events_of_previous_version_are_sent_and_listed(redis_url: str) -> None:
    """Events that a node of the previous version stores are sent, and also listed, although that node doesn't enter
    them in the list for operators."""
    before, now = NodeBefore(redis_url, "tusd-py:"), RedisState(redis_url)
    await now.outbox.register([SINK])
    try:
        emitted = [Event(type=kind, upload=upload()) for kind in (EventType.CREATED, EventType.TERMINATED)]
        assert await before.put(upload(revision=1), "", events=emitted)
        [first] = await now.outbox.due(SINK.name, 1e9, 10)
        await now.outbox.mark_failed(first, "HTTP 500", None)
        listed = await now.outbox.list(Selection(), None, 10)
        assert [(row.type, row.state) for row in listed] == [
            (EventType.CREATED, DeliveryState.DEAD),
            (EventType.TERMINATED, DeliveryState.PENDING),
        ]
        assert await now.outbox.backlogs() == [Backlog(sink=SINK.name, pending=1, dead=1, oldest=1.0)]
        assert await now.outbox.due(SINK.name, 1e9, 10, strict=True) == []
        assert await before.put(upload(revision=2), "1", events=[Event(type=EventType.LOST, upload=upload())])
        assert await now.outbox.drop(listed, 5.0) == 2
        [last] = await now.outbox.due(SINK.name, 1e9, 10, strict=True)
        assert last.type is EventType.LOST
        await now.outbox.mark_delivered(last)
        assert await now.outbox.prune(1e9, 10) == 3
    finally:
        await before.aclose()
        await now.aclose()


async def test_an_event_that_newer_nodes_know_waits_for_them(durable: Maker, tmp_path: Path) -> None:
    """An event of a type that only newer nodes know stays pending; the later events of its upload wait for it, and
    those of other uploads do not."""
    state, (first, second) = durable(), (upload(1), upload(2))
    assert state.outbox is not None
    await state.outbox.register([SINK])
    created_upload = await state.create(first, events=[Event(type=EventType.CREATED, upload=first)])
    await state.create(second, events=[Event(type=EventType.CREATED, upload=second)])
    await state.save(created_upload, events=[Event(type=EventType.FINISHED, upload=created_upload)])
    await _rename_first_event(state, tmp_path, "later")
    assert [row.upload_id for row in await state.outbox.due(SINK.name, 1e9, 1)] == [second.id]
    assert (await state.outbox.backlogs())[0].pending == 3
    await _rename_first_event(state, tmp_path, "created")
    assert [row.upload_id for row in await state.outbox.due(SINK.name, 1e9, 10)] == [first.id, second.id]
    await state.aclose()


async def _rename_first_event(state: StateStore, folder: Path, type_: str) -> None:
    if isinstance(state, RedisState):
        await state._redis.hset("tusd-py:event:1", "type", type_)
    else:
        with closing(sqlite3.connect(folder / "made" / "state.db")) as connection:
            connection.execute("UPDATE events SET type = ? WHERE seq = 1", (type_,))
            connection.commit()


async def test_a_due_job_that_it_has_removed_stops_no_other(redis_url: str) -> None:
    state = RedisState(redis_url)
    removed, next_job = await state.jobs.create(job(1)), await state.jobs.create(job(2))
    async with connect(redis_url) as redis:
        await redis.delete(f"tusd-py:job:{removed.id}")
        await redis.zrem("tusd-py:jobs", removed.id)
        assert await state.jobs.due(9.0, 10) == [next_job]
        assert await redis.zrange("tusd-py:due-jobs", 0, -1) == [next_job.id]
    await state.aclose()
