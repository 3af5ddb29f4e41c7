"""Events of the ends of jobs (`tusd_py/ports/jobs.py`, `tusd_py/ports/outbox.py`)."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from yarl import URL

from tests.support.events import ALL, ENDS, EVER, KEPT, created
from tests.support.events import ended as terminated
from tests.support.fixtures_state import Maker
from tests.support.jobs import ended, ended_job, job
from tests.support.relay import Relay
from tusd_py.backends.redis.state import RedisState
from tusd_py.domain.errors import Superseded
from tusd_py.domain.event_json import decode_job_event
from tusd_py.domain.events import EventType
from tusd_py.domain.job import ENDED, JobPhase
from tusd_py.domain.upload_id import UploadId
from tusd_py.ports.outbox import Outbox, StoredEvent
from tusd_py.ports.state import Numbered, StateStore

ENDS_OF_JOBS = sorted(ENDED)


async def event_ids(feed: Outbox) -> list[str]:
    return [stored.id for stored in await feed.events(0, 100)]


@pytest.mark.parametrize("phase", ENDS_OF_JOBS)
async def test_each_end_of_a_job_is_told_with_the_job(state: StateStore, feed: Outbox, phase: JobPhase) -> None:
    queued = await state.jobs.create(job(owner="alice", tenant="acme", endpoint="https://up.example/files/"))
    running = await state.jobs.save(replace(queued, phase=JobPhase.RUNNING, attempt=1, due_at=16.0))
    assert await feed.events(0, 10) == []
    done = await state.jobs.save(replace(ended(running, 7.5, phase), result={"bytes": 7}))
    [stored] = await feed.events(0, 10)
    assert stored == StoredEvent(
        seq=1,
        id=f"evt_{done.id}_{phase}",
        upload_id=job().upload_or_own_id,
        type=EventType.JOB,
        at=7.5,
        document=stored.document,
    )
    assert decode_job_event(stored.document) == done
    assert await feed.event(stored.id) == stored


async def test_an_end_is_told_once(state: StateStore, feed: Outbox) -> None:
    """An ended job is saved again once its products are removed. That stores no second event, even if the first was
    pruned."""
    failed = await ended_job(state, job(due_at=1.0), phase=JobPhase.FAILED)
    failed = await state.jobs.save(replace(failed, due_at=9.0))
    assert await event_ids(feed) == [f"evt_{failed.id}_failed"]
    assert await feed.prune(EVER, 10) == 1
    await state.jobs.save(replace(failed, due_at=None))
    assert (await event_ids(feed), await feed.last_seq()) == ([], 1)


async def test_a_refused_end_is_not_told(state: StateStore, feed: Outbox) -> None:
    queued = await state.jobs.create(job())
    await state.jobs.save(replace(queued, phase=JobPhase.RUNNING))
    for stale in (queued, job(2)):
        with pytest.raises(Superseded):
            await state.jobs.save(ended(stale, 7.0))
    assert (await event_ids(feed), await feed.last_seq()) == ([], 0)


async def test_ends_are_numbered_among_the_events_of_uploads(state: StateStore, feed: Outbox) -> None:
    created_upload = await created(state)
    done = await ended_job(state, job())
    ended_upload = await terminated(state, created_upload)
    ids = [f"evt_{created_upload.id}_created", f"evt_{done.id}_done", f"evt_{created_upload.id}_terminated"]
    assert [(stored.seq, stored.id) for stored in await feed.events(0, 10)] == list(enumerate(ids, 1))
    assert await state.numbered(created_upload.id) == Numbered(upload=ended_upload, seq=3)


async def test_an_end_takes_a_number_and_moves_none(state: StateStore) -> None:
    """The end of a job takes the next number, even if its event isn't kept, and leaves the uploads' numbers as they
    are."""
    created_upload = await created(state)
    await ended_job(state, job())
    assert state.outbox is not None
    assert await state.outbox.last_seq() == 2
    assert await state.changed(0, 10) == [Numbered(upload=created_upload, seq=1)]
    assert await state.outbox.events(0, 10) == []


async def test_an_export_has_its_own_id(state: StateStore, feed: Outbox) -> None:
    done = await ended_job(state, job(upload_id=None, kind="export"))
    [stored] = await feed.events(0, 10)
    assert stored.upload_id == done.upload_or_own_id == UploadId(done.id)
    assert decode_job_event(stored.document) == done


async def test_they_are_kept_for_their_time(state: StateStore, feed: Outbox) -> None:
    for number, at in ((1, 30.0), (2, 10.0), (3, 20.0)):
        await ended_job(state, job(number), at)
    assert await feed.prune(10.0, 10) == 0
    assert await feed.prune(20.0, 10) == 1
    assert await event_ids(feed) == [f"evt_{job(number).id}_done" for number in (1, 3)]
    assert await state.jobs.prune(EVER, 10) == 3
    assert len(await event_ids(feed)) == 2


async def test_a_sink_that_wants_them_gets_them_in_order(state: StateStore, outbox: Outbox) -> None:
    created_upload = await created(state)
    done = await ended_job(state, job())
    [first] = await outbox.due(ALL.name, EVER, 10)
    await outbox.mark_delivered(first)
    [second] = await outbox.due(ALL.name, EVER, 10)
    assert (second.event_id, second.upload_id, second.due_at) == (f"evt_{done.id}_done", created_upload.id, 7.0)
    assert await outbox.due(ENDS.name, EVER, 10) == []


async def test_they_wake_the_process(state: StateStore, feed: Outbox) -> None:
    woken = list[int]()
    feed.watch(lambda: woken.append(1))
    queued = await state.jobs.create(job())
    running = await state.jobs.save(replace(queued, phase=JobPhase.RUNNING))
    assert not woken
    await state.jobs.save(ended(running, 7.0))
    assert woken


async def test_of_several_nodes_one_tells_the_end(durable: Maker) -> None:
    nodes = [durable() for _ in range(4)]
    assert nodes[0].outbox is not None
    await nodes[0].outbox.register([KEPT])
    queued = await nodes[0].jobs.create(job())

    async def end(node: StateStore, phase: JobPhase) -> str | None:
        try:
            return (await node.jobs.save(ended(queued, 7.0, phase))).phase
        except Superseded:
            return None

    phases = [JobPhase.DONE, JobPhase.CANCELLED] * 2
    recorded = await asyncio.gather(*map(end, nodes, phases))
    [phase] = filter(None, recorded)
    assert await event_ids(nodes[0].outbox) == [f"evt_{queued.id}_{phase}"]
    for node in nodes:
        await node.aclose()


async def test_an_end_whose_answer_was_lost_is_told_once(redis_url: str) -> None:
    """If Redis's answer to the save that ends a job is lost, the save is sent again on a new connection, and one event
    is stored."""
    url = URL(redis_url)
    assert url.port is not None
    async with Relay(url.port) as relay:
        store = RedisState(str(url.with_port(relay.port)))
        await store.outbox.register([KEPT])
        queued = await store.jobs.create(job())
        relay.lose_next = True
        done = await store.jobs.save(ended(queued, 7.0))
        assert relay.lost
        assert (await event_ids(store.outbox), await store.outbox.last_seq()) == ([f"evt_{done.id}_done"], 1)
        await store.aclose()


async def test_they_are_there_after_a_restart(durable: Maker) -> None:
    store = durable()
    assert store.outbox is not None
    await store.outbox.register([KEPT])
    await ended_job(store, job())
    before = await store.outbox.events(0, 10)
    await store.aclose()
    again = durable()
    assert again.outbox is not None
    assert await again.outbox.events(0, 10) == before != []
    await again.aclose()
