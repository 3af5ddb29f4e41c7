"""Events and jobs in a Redis that is full: those stored can still be sent, listed, saved and removed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from devtools.redis import RedisServer
from tests.support.events import ALL, ENDS, EVER, KEPT, created, ended
from tusd_py.backends.redis.connection import connect
from tusd_py.backends.redis.outbox import RedisOutbox
from tusd_py.backends.redis.state import RedisState
from tusd_py.domain.errors import StateFull
from tusd_py.domain.job import Job, JobId, JobPhase
from tusd_py.ports.jobs import JobSelection
from tusd_py.ports.outbox import Delivery, Selection
from tusd_py.ports.state import Numbered


@pytest.fixture
def server(tmp_path: Path, redis_running: RedisServer) -> Iterator[RedisServer]:
    """A Redis for this test alone, which it fills: other tests need memory in theirs."""
    del redis_running  # says if there is a Redis at all
    with RedisServer(tmp_path) as started:
        yield started


@pytest.fixture
async def state(server: RedisServer) -> AsyncIterator[RedisState]:
    """A state with one event of each of six uploads, in a Redis that has no memory left."""
    store = RedisState(server.url)
    await store.outbox.register([ALL])
    for number in range(6):
        await created(store, number)
    async with connect(server.url) as operator:
        await operator.config_set("maxmemory", 1)
    yield store
    await store.aclose()


async def first(outbox: RedisOutbox) -> Delivery:
    [delivery] = await outbox.due(ALL.name, EVER, 1)
    return delivery


async def test_what_a_full_redis_has_of_events_goes_on(state: RedisState) -> None:
    outbox = state.outbox
    with pytest.raises(StateFull):
        await created(state, 9)
    delivery = await outbox.take(await first(outbox), EVER * 2)
    assert delivery is not None
    await outbox.mark_delivered(delivery)
    await outbox.mark_failed(await first(outbox), "HTTP 500", None)
    await outbox.mark_failed(await first(outbox), "HTTP 500", EVER * 2)
    states = [row.state for row in await outbox.list(Selection(), None, 10)]
    assert states == ["delivered", "dead", *["pending"] * 4]
    [backlog] = await outbox.backlogs()
    assert (backlog.pending, backlog.dead) == (4, 1)
    assert len(await outbox.due(ALL.name, EVER, 10, strict=True)) == 3
    await outbox.register([ALL, ENDS])
    listed = await outbox.list(Selection(), None, 10)
    assert await outbox.restart(listed[:3], 5.0) == 3
    assert await outbox.drop(listed, 5.0) == 6
    assert await outbox.prune(EVER, 10) == 6


async def test_what_a_full_redis_has_of_jobs_and_numbers_goes_on(server: RedisServer) -> None:
    """In a full Redis a new job is refused, but stored jobs can be changed and pruned, and an upload that a node of an
    earlier version saved without an event number gets one."""
    store = RedisState(server.url)
    await store.outbox.register([KEPT])
    record = await created(store)
    job = await store.jobs.create(
        Job(id=JobId("1"), upload_id=record.id, kind="scan", created_at=1.0, updated_at=1.0, due_at=1.0)
    )
    async with connect(server.url) as operator:
        await operator.hdel(f"tusd-py:upload:{record.id}", "seq")
        await operator.config_set("maxmemory", 1)
    with pytest.raises(StateFull):
        await store.jobs.create(replace(job, id=JobId("2")))
    assert await store.numbered(record.id) == Numbered(upload=record, seq=2)
    ended_record = await ended(store, record)
    assert await store.changed(2, 10) == [Numbered(upload=ended_record, seq=3)]
    assert [event.seq for event in await store.outbox.events(0, 10)] == [1, 3]
    done = await store.jobs.save(replace(job, phase=JobPhase.DONE, due_at=None))
    assert await store.jobs.list(JobSelection(), None, 10) == [done]
    assert [event.id for event in await store.outbox.events(3, 10)] == [f"evt_{job.id}_done"]
    assert await store.jobs.prune(EVER, 10) == 1
    assert await store.outbox.prune(EVER, 10) == 3
    await store.aclose()
