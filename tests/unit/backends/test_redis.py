"""Promises that concern only the state in Redis, also through outages of Redis."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from devtools.redis import RedisServer
from tests.support.relay import Relay
from tests.support.uploads import changed, upload
from tusd_py.backends.redis import connection
from tusd_py.backends.redis.connection import connect
from tusd_py.backends.redis.locks import RedisLocker
from tusd_py.backends.redis.state import RedisState
from tusd_py.backends.redis.unfinished import _PAGE
from tusd_py.domain.errors import Locked, StateFull, StateUnavailable, Superseded
from tusd_py.domain.installation import Installation
from tusd_py.domain.job import Job, JobId
from tusd_py.domain.phase import Phase
from tusd_py.domain.principal import Grant
from tusd_py.domain.record_json import encode
from tusd_py.domain.space import Space
from tusd_py.domain.upload import Upload
from tusd_py.ports.state import Unfinished


@pytest.fixture
def server(tmp_path: Path, redis_running: RedisServer) -> Iterator[RedisServer]:
    """A Redis of the test's own, which keeps what it acknowledged."""
    del redis_running  # says if there is a Redis at all
    with RedisServer(tmp_path, durable=True) as server:
        yield server


@pytest.fixture
async def state(server: RedisServer) -> AsyncIterator[RedisState]:
    store = RedisState(server.url)
    yield store
    await store.aclose()


async def test_acknowledged_writes_survive_a_crash(server: RedisServer, state: RedisState) -> None:
    """After a crash of a Redis that syncs each write, an open state works again once Redis is back, and has every
    acknowledged write."""
    saved = await state.save(await state.create(upload()), [{"part": 1}])
    server.stop(signal.SIGKILL)
    with pytest.raises(StateUnavailable):
        await state.load(saved.id)
    with pytest.raises(StateUnavailable):
        await state.save(saved)
    server.start()
    assert await state.load(saved.id) == saved
    assert (await state.save(saved)).revision == 3
    assert list(await state.entries(saved.id)) == [{"part": 1}]


async def test_a_restart_between_two_calls_goes_unnoticed(server: RedisServer, state: RedisState) -> None:
    created = await state.create(upload())
    server.stop()
    server.start()
    assert (await state.save(created)).revision == 2


async def test_stopped_redis_is_unavailable_in_time(stopped: RedisState) -> None:
    async with asyncio.timeout(10):
        with pytest.raises(StateUnavailable):
            await stopped.load(upload().id)


@pytest.fixture
async def stopped(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RedisState]:
    """A state whose Redis has answered once and now hangs."""
    monkeypatch.setattr(connection, "ANSWER_SECONDS", 1.0)
    async with contextlib.aclosing(RedisState(server.url)) as state:
        assert await state.load(upload().id) is None
        server.send(signal.SIGSTOP)
        yield state
        server.send(signal.SIGCONT)


async def test_save_with_lost_answer_is_applied_once(server: RedisServer, state: RedisState) -> None:
    created = await state.create(upload())
    async with Relay(server.port) as relay:
        through = RedisState(f"redis://127.0.0.1:{relay.port}/0")
        await through.ping()
        relay.lose_next = True
        saved = await through.save(replace(created, offset=5), [{"part": 1}])
        assert relay.lost
        await through.aclose()
    assert await state.load(created.id) == saved == replace(created, offset=5, revision=2)
    assert list(await state.entries(created.id)) == [{"part": 1}]


async def test_read_only_redis_is_unavailable_for_writes(server: RedisServer, state: RedisState) -> None:
    """While Redis is read-only, reads succeed and writes raise StateUnavailable."""
    created = await state.create(upload())
    async with connect(server.url) as operator:
        await operator.replicaof("127.0.0.1", "1")
        for refused in (state.save(created), state.ping(), state.delete(created)):
            with pytest.raises(StateUnavailable, match="read only"):
                await refused
        assert await state.load(created.id) == created
        await operator.replicaof("NO", "ONE")
    assert (await state.save(created)).revision == 2


@pytest.fixture
async def full(server: RedisServer, state: RedisState) -> AsyncIterator[Upload]:
    """An upload in a Redis that has no memory left."""
    created = await state.create(upload(), [{"part": 1}])
    async with connect(server.url) as operator:
        await operator.config_set("maxmemory", 1)
        yield created


async def test_full_redis_refuses_creations_only(state: RedisState, full: Upload) -> None:
    with pytest.raises(StateFull):
        await state.create(upload(2))
    saved = await state.save(changed(full, offset=5, expires_at=7.0), [{"part": 2}])
    assert await state.load(full.id) == saved == changed(full, offset=5, expires_at=7.0, revision=2)
    assert list(await state.entries(full.id)) == [{"part": 1}, {"part": 2}]
    assert await state.due(10.0, 10) == [full.id]
    await state.ping()
    with pytest.raises(Superseded):
        await state.save(full)
    assert await state.load(full.id) == saved, "a save that is refused removes nothing"
    assert await state.unfinished() == Unfinished(count=1, claimed=10)
    await state.delete(saved)
    assert await state.list(None, 10) == []
    assert await state.unfinished() == Unfinished()


async def test_its_space_is_what_it_may_use_and_does_not(server: RedisServer, state: RedisState) -> None:
    assert await state.space() is None, "no limit is set"
    async with connect(server.url) as operator:
        used = (await operator.info("memory"))["used_memory"]
        await operator.config_set("maxmemory", 2 * used)
        space = await state.space()
        assert space is not None
        assert not space.full
        assert space.reserve == 2 * used // 10
        await operator.config_set("maxmemory", used)
        assert (await state.space() or Space(free=1, reserve=0)).full
        await operator.config_set("maxmemory-policy", "allkeys-lru")
        assert await state.space() is None, "it makes room itself, by forgetting"


async def test_a_user_that_may_not_ask_knows_no_end(server: RedisServer) -> None:
    async with connect(server.url) as operator:
        await operator.config_set("maxmemory", 1)
        await operator.acl_setuser(
            "tusd", enabled=True, nopass=True, categories=["+@all"], commands=["-info"], keys=["*"]
        )
        state = RedisState(server.url.replace("//", "//tusd:any@"))
        assert await state.space() is None
        await state.aclose()


async def test_more_calls_than_connections_wait_for_each_other(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """150 calls at once all succeed with 64 connections: a call waits for a free one. The limit of that wait is raised,
    as a busy machine takes a while to make the connections."""
    monkeypatch.setattr(connection, "_POOL_SECONDS", 60.0)
    async with contextlib.aclosing(RedisState(server.url)) as state:
        created = await asyncio.gather(*(state.create(upload(number)) for number in range(150)))
        assert len(await state.list(None, 1000)) == len(created) == 150


async def test_every_key_of_state_and_turns_begins_with_the_prefix(server: RedisServer) -> None:
    state, locker = RedisState(server.url, "a/b:"), RedisLocker(server.url, 60.0, "a/b:")
    rival = RedisLocker(server.url, 60.0, "a/b:")
    grant = Grant(jti="jti", max_uses=2, expires_at=2e9)
    created = await state.create(upload(expires_at=5.0, name="name"), [{"part": 1}], grant=grant)
    await state.install(Installation(id="a" * 32))
    await state.ping()
    await state.jobs.create(
        Job(id=JobId("1"), upload_id=created.id, kind="scan", created_at=1.0, updated_at=1.0, due_at=1.0)
    )
    release_request = asyncio.Event()
    async with connect(server.url) as operator, locker.hold(created.id, on_release_request=release_request.set, wait=0):
        with pytest.raises(Locked):
            async with rival.hold(created.id, on_release_request=release_request.set, wait=0.5):
                pytest.fail("two holders")
        assert release_request.is_set()
        kinds = {key.removeprefix("a/b:").split(":")[0] for key in await keys(operator)}
        assert kinds == {
            *("upload", "entries", "ids", "due", "unfinished", "claimed", "installation"),
            *("charges", "usage", "accounts", "names", "grant"),
            *("seqs", "event-seq", "event-listed", "job", "jobs", "due-jobs", "upload-jobs"),
            *("lease", "waiters", "held"),
        }
        assert {key.split(":")[0] for key in await keys(operator)} == {"a/b"}
        assert {str(channel).split(":")[0] for channel in await operator.pubsub_channels()} == {"a/b"}
    for adapter in (state, locker, rival):
        await adapter.aclose()


async def test_start_recounts_changes_of_older_nodes(server: RedisServer, state: RedisState) -> None:
    """The first calls of `unfinished` after a start recount all uploads, one page in each call: then the uploads that
    older nodes created, finished or deleted without counting are counted rightly."""
    many = 2 * _PAGE + 5
    created = [await state.create(upload(number)) for number in range(3 * many)]
    async with connect(server.url) as old:
        for record in created[:many]:
            await old.zrem("tusd-py:unfinished", record.id)
            await old.incrbyfloat("tusd-py:claimed", -10)
        for record in created[many : 2 * many]:
            await old.hset(f"tusd-py:upload:{record.id}", "document", encode(replace(record, phase=Phase.DONE)))
        for record in created[2 * many :]:
            await old.delete(f"tusd-py:upload:{record.id}")
            await old.zrem("tusd-py:ids", record.id)
    later = RedisState(server.url)
    for _ in range(20):
        await later.create(upload(9000 + _))
        unfinished = await later.unfinished()
    assert unfinished == Unfinished(count=many + 20, claimed=10 * (many + 20))
    assert await state.unfinished() == unfinished
    await later.aclose()


async def test_looks_at_once_recount_all_uploads(server: RedisServer) -> None:
    """Simultaneous calls of `unfinished` skip no page of the recount: all uploads that are counted but have no record
    any more are found."""
    async with connect(server.url) as old, contextlib.aclosing(RedisState(server.url)) as state:
        await old.zadd("tusd-py:unfinished", {upload(number).id: 10 for number in range(10, 10 + 3 * _PAGE)})
        await old.incrbyfloat("tusd-py:claimed", 30 * _PAGE)
        await old.hset("tusd-py:charges", upload(2).id, "0:10:-")
        await old.hset("tusd-py:usage:-", mapping={"stored": 0, "reserved": 10, "uploads": 1})
        await old.zadd("tusd-py:seqs", {upload(3).id: 1})
        for _ in range(12):
            await asyncio.gather(*(state.unfinished() for _ in range(3)))
        assert await state.unfinished() == Unfinished(count=0, claimed=0)
        assert await old.exists("tusd-py:charges", "tusd-py:usage:-", "tusd-py:seqs") == 0


async def test_once_all_is_counted_a_look_reads_no_record(server: RedisServer, state: RedisState) -> None:
    await state.create(upload())
    async with connect(server.url) as operator:
        for _ in range(5):
            await state.unfinished()
        before = await operator.info("commandstats")
        assert await state.unfinished() == Unfinished(count=1, claimed=10)
        after = await operator.info("commandstats")
    commands = {name for name in after if after[name]["calls"] > before.get(name, {"calls": 0})["calls"]}
    assert commands == {"cmdstat_zcard", "cmdstat_get", "cmdstat_info"}


async def test_a_claim_is_counted_once_when_its_answer_was_lost(server: RedisServer, state: RedisState) -> None:
    async with Relay(server.port) as relay:
        through = RedisState(f"redis://127.0.0.1:{relay.port}/0")
        await through.ping()
        relay.lose_next = True
        created = await through.create(upload())
        relay.lose_next = True
        await through.delete(created)
        assert relay.lost
        await through.aclose()
    await state.create(upload(2))
    assert await state.unfinished() == Unfinished(count=1, claimed=10)


async def test_prefixes_separate_installations(server: RedisServer) -> None:
    first, second = RedisState(server.url, "one:"), RedisState(server.url, "other:")
    created = await first.create(upload(expires_at=5.0), [{"part": 1}])
    await first.install(Installation(id="a" * 32))
    assert await second.load(created.id) is None
    assert (list(await second.list(None, 9)), list(await second.due(9.0, 9))) == ([], [])
    assert await second.installation() is None
    turns = RedisLocker(server.url, 60.0, "one:"), RedisLocker(server.url, 60.0, "other:")
    async with contextlib.AsyncExitStack() as both:
        for locker in turns:
            both.push_async_callback(locker.aclose)
            await both.enter_async_context(locker.hold(created.id, on_release_request=lambda: None, wait=0))
    for store in (first, second):
        await store.aclose()


async def keys(redis: Any) -> list[str]:
    return [str(key) for key in await redis.keys("*")]
