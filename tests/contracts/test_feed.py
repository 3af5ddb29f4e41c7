"""Events that are kept for a feed (`tusd_py/ports/outbox.py`)."""

from __future__ import annotations

from tests.support.events import ALL, EVER, KEPT, created, ended, event
from tests.support.fixtures_state import Maker
from tests.support.uploads import upload
from tusd_py.domain.event_json import decode_event
from tusd_py.domain.events import EventType
from tusd_py.ports.outbox import FEED, Backlog, Outbox, Selection, StoredEvent, Subscription
from tusd_py.ports.state import StateStore


async def test_its_events_are_kept_and_never_delivered(state: StateStore, feed: Outbox) -> None:
    created_upload = await created(state)
    await ended(state, created_upload)
    assert await feed.due(KEPT.name, EVER, 10) == []
    assert await feed.list(Selection(), None, 10) == []
    assert await feed.deliveries(f"evt_{created_upload.id}_created") == []
    assert await feed.backlogs() == []
    first, second = await feed.events(0, 10)
    assert (first.id, first.seq, first.upload_id) == (f"evt_{created_upload.id}_created", 1, created_upload.id)
    assert (first.type, first.at) == (EventType.CREATED, created_upload.times.updated_at)
    assert decode_event(first.type, first.document) == event(created_upload, EventType.CREATED)
    assert (second.id, second.seq) == (f"evt_{created_upload.id}_terminated", 2)


async def test_it_has_the_types_that_it_wants(state: StateStore, feed: Outbox) -> None:
    await feed.register([Subscription(name="feed", format=FEED, types=frozenset({EventType.TERMINATED}))])
    await ended(state, await created(state))
    assert [stored.seq for stored in await feed.events(0, 10)] == [2]


async def test_its_events_come_in_pages(state: StateStore, feed: Outbox) -> None:
    for number in range(5):
        await created(state, number)
    assert [stored.seq for stored in await feed.events(0, 2)] == [1, 2]
    assert [stored.seq for stored in await feed.events(2, 2)] == [3, 4]
    assert [stored.seq for stored in await feed.events(4, 2)] == [5]
    assert await feed.events(5, 2) == await feed.events(10**18 - 1, 2) == await feed.events(0, 0) == []


async def test_a_page_ends_by_its_size(state: StateStore, feed: Outbox) -> None:
    for number in range(5):
        await created(state, number, metadata={"name": b"\xff" * 1000})
    size = len((await feed.events(0, 1))[0].document)
    for page_size, expected in ((1, [2]), (size, [2]), (size + 1, [2, 3]), (10**6, [2, 3, 4, 5])):
        assert [stored.seq for stored in await feed.events(1, 10, page_size)] == expected
    assert await feed.events(5, 10, 1) == []


async def test_an_event_is_found_by_its_id(state: StateStore, feed: Outbox) -> None:
    created_upload = await created(state)
    [stored] = await feed.events(0, 10)
    assert await feed.event(f"evt_{created_upload.id}_created") == stored
    assert await feed.event(f"evt_{created_upload.id}_finished") is None
    assert await feed.event("") is None


async def test_a_feed_and_a_sink_both_have_it(state: StateStore, feed: Outbox) -> None:
    await feed.register([KEPT, ALL])
    await created(state)
    [delivery] = await feed.list(Selection(), None, 10)
    [stored] = await feed.events(0, 10)
    assert (delivery.sink, delivery.seq, delivery.document) == (ALL.name, stored.seq, stored.document)
    assert await feed.backlogs() == [Backlog(sink=ALL.name, pending=1, dead=0, oldest=1.0)]
    assert await feed.prune(EVER, 10) == 0
    await feed.mark_delivered(delivery)
    assert await feed.events(0, 10) == [stored]
    assert await feed.prune(EVER, 10) == 1
    assert await feed.events(0, 10) == []


async def store_events(state: StateStore, *times: float) -> list[StoredEvent]:
    assert state.outbox is not None
    for number, at in enumerate(times):
        planned = upload(number, updated_at=at)
        await state.create(planned, events=[event(planned, EventType.CREATED)])
    return list(await state.outbox.events(0, 100))


async def test_they_are_kept_for_their_time(state: StateStore, feed: Outbox) -> None:
    first, second, third = await store_events(state, 10.0, 30.0, 20.0)
    assert await feed.prune(10.0, 10) == 0
    assert await feed.prune(20.0, 10) == 1
    assert await feed.events(0, 10) == [second, third]
    assert await feed.event(first.id) is None
    assert await feed.prune(EVER, 1) == 1
    assert await feed.events(0, 10) == [second]
    assert await feed.last_seq() == 3


async def test_they_are_removed_without_having_been_read(state: StateStore, feed: Outbox) -> None:
    created_upload = await created(state)
    assert await feed.prune(EVER, 10) == 1
    assert await feed.event(f"evt_{created_upload.id}_created") is None


async def test_they_stay_when_none_is_to_be_kept_any_more(state: StateStore, feed: Outbox) -> None:
    created_upload = await created(state)
    await feed.register([])
    await ended(state, created_upload)
    assert [stored.seq for stored in await feed.events(0, 10)] == [1]
    assert await feed.last_seq() == 2
    assert await feed.prune(EVER, 10) == 1


async def test_they_are_there_after_a_restart(durable: Maker) -> None:
    store = durable()
    assert store.outbox is not None
    await store.outbox.register([KEPT])
    await created(store)
    before = await store.outbox.events(0, 10)
    await store.aclose()
    again = durable()
    assert again.outbox is not None
    assert list(await again.outbox.subscriptions()) == [KEPT]
    assert await again.outbox.events(0, 10) == before != []
    await again.aclose()
