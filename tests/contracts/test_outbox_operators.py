"""Promises of every outbox to operators: events are listed, sent again or dropped, until they are pruned."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from tests.support.events import ALL, ENDS, EVER, created, ended, event, event_ids
from tests.support.fixtures_state import Maker
from tusd_py.domain.events import EventType
from tusd_py.domain.thresholds import DEFAULT
from tusd_py.domain.upload import Upload
from tusd_py.ports.outbox import Backlog, Delivery, DeliveryState, Outbox, Selection
from tusd_py.ports.state import StateStore

PENDING, DEAD, DELIVERED = (
    Selection(states=frozenset({state}))
    for state in (DeliveryState.PENDING, DeliveryState.DEAD, DeliveryState.DELIVERED)
)


async def first(outbox: Outbox, sink: str = ALL.name) -> Delivery:
    [delivery] = await outbox.due(sink, EVER, 1)
    return delivery


async def die(outbox: Outbox, sink: str = ALL.name) -> Delivery:
    delivery = await first(outbox, sink)
    await outbox.mark_failed(delivery, "HTTP 500", None)
    return delivery


async def everything(outbox: Outbox, selection: Selection, page: int, size: int = DEFAULT.page_size) -> list[Delivery]:
    deliveries, after = list[Delivery](), None
    while listed := await outbox.list(selection, after, page, size):
        assert len(listed) <= page
        deliveries += listed
        after = deliveries[-1]
    return deliveries


def lines(deliveries: Sequence[Delivery]) -> list[tuple[int, str, str]]:
    return [(delivery.seq, delivery.sink, delivery.state) for delivery in deliveries]


async def three_states(state: StateStore, outbox: Outbox) -> Upload:
    """Create and end an upload; its event 1 is delivered, its event 2 is dead for the sink ALL and pending for ENDS.
    Return the upload."""
    current = await created(state)
    await outbox.mark_delivered(await first(outbox))
    current = await ended(state, current)
    await die(outbox)
    return current


async def test_each_state_is_listed_by_number_and_sink(state: StateStore, outbox: Outbox) -> None:
    await three_states(state, outbox)
    await created(state, 2, updated_at=50.0)
    delivered, dead, pending = (1, ALL.name, "delivered"), (2, ALL.name, "dead"), (2, ENDS.name, "pending")
    last = (3, ALL.name, "pending")
    for page in (1, 2, 3, 10):
        assert lines(await everything(outbox, Selection(), page)) == [delivered, pending, dead, last]
        assert lines(await everything(outbox, PENDING, page)) == [pending, last]
        assert lines(await everything(outbox, DEAD, page)) == [dead]
        assert lines(await everything(outbox, DELIVERED, page)) == [delivered]
        assert lines(await everything(outbox, Selection(sink=ALL.name), page)) == [delivered, dead, last]
        assert lines(await everything(outbox, Selection(sink="another"), page)) == []
        assert lines(await everything(outbox, Selection(since=6.0), page)) == [pending, dead, last]
        assert lines(await everything(outbox, Selection(since=50.0), page)) == [last]
        assert lines(await everything(outbox, Selection(since=50.1), page)) == []


async def test_a_page_ends_by_its_size(state: StateStore, outbox: Outbox) -> None:
    await three_states(state, outbox)
    await created(state, 2, updated_at=50.0)
    whole = await outbox.list(Selection(), None, 10)
    for page in range(1, 5):
        size = sum(len(delivery.document) for delivery in whole[:page])
        assert await outbox.list(Selection(), None, 10, size) == whole[:page]
        assert await outbox.list(Selection(), None, 10, size + 1) == whole[: page + 1]
        assert await outbox.list(Selection(), whole[page - 1], 10, 1) == whole[page : page + 1]
    for selection in (Selection(), PENDING, Selection(since=6.0), Selection(since=50.0)):
        assert await everything(outbox, selection, 10, 1) == await everything(outbox, selection, 10)


async def test_a_listed_delivery_is_whole(state: StateStore, outbox: Outbox) -> None:
    await created(state)
    due = await first(outbox)
    assert await outbox.list(PENDING, None, 10) == [due]
    await outbox.mark_failed(due, "timeout", None)
    dead = replace(due, state=DeliveryState.DEAD, attempts=1, error="timeout")
    assert await outbox.list(DEAD, None, 10) == [dead]
    assert await outbox.deliveries(due.event_id) == [dead]


async def test_one_event_has_a_delivery_for_each_sink(state: StateStore, outbox: Outbox) -> None:
    created_upload = await three_states(state, outbox)
    deliveries = await outbox.deliveries(f"evt_{created_upload.id}_terminated")
    assert lines(deliveries) == [(2, ENDS.name, "pending"), (2, ALL.name, "dead")]
    assert await outbox.deliveries("evt_another") == []


async def test_a_dead_one_is_sent_again_as_if_it_were_new(state: StateStore, outbox: Outbox) -> None:
    await created(state)
    await die(outbox)
    [dead] = await outbox.list(DEAD, None, 10)
    assert await outbox.restart([dead], 70.0) == 1
    assert await outbox.due(ALL.name, 69.9, 10) == []
    fresh = replace(dead, state=DeliveryState.PENDING, attempts=0, error=None, due_at=70.0)
    assert await outbox.due(ALL.name, 70.0, 10) == [fresh]
    assert await outbox.restart([dead], 90.0) == 0, "it isn't dead any more"
    assert await outbox.due(ALL.name, 70.0, 10) == [fresh]


async def test_a_redelivery_precedes_later_events(state: StateStore, outbox: Outbox) -> None:
    """A delivered event that is restarted is due before the later events of its upload, which then don't wait for their
    next attempt."""
    created_upload = await created(state)
    await outbox.mark_delivered(await first(outbox))
    await ended(state, created_upload)
    waiting = await first(outbox)
    await outbox.mark_failed(waiting, "HTTP 500", 900.0)
    [delivered] = await outbox.list(DELIVERED, None, 10)
    assert await outbox.restart([delivered], 70.0) == 1
    for kind in ("created", "terminated"):  # the second doesn't wait for its time: its sink is there again
        [due] = await outbox.due(ALL.name, 70.0, 10)
        assert due.event_id == f"evt_{created_upload.id}_{kind}"
        await outbox.mark_delivered(due)
    assert await outbox.due(ALL.name, EVER, 10) == []


async def test_one_that_is_pending_needn_t_wait(state: StateStore, outbox: Outbox) -> None:
    await created(state)
    due = await first(outbox)
    await outbox.mark_failed(due, "HTTP 500", 900.0)
    assert await outbox.restart([due], 70.0) == 1
    assert await outbox.due(ALL.name, 70.0, 10) == [replace(due, due_at=70.0)]


async def test_what_is_dropped_is_gone_in_any_state(state: StateStore, outbox: Outbox) -> None:
    created_upload = await three_states(state, outbox)
    await created(state, 2)
    every = await outbox.list(Selection(), None, 10)
    assert await outbox.drop([*every, every[0]], 70.0) == 4
    assert await outbox.list(Selection(), None, 10) == []
    assert await outbox.due(ALL.name, EVER, 10) == await outbox.due(ENDS.name, EVER, 10) == []
    assert await outbox.deliveries(f"evt_{created_upload.id}_terminated") == []
    assert (await outbox.drop(every, 70.0), await outbox.restart(every, 70.0)) == (0, 0)


async def test_what_was_behind_a_dropped_one_needn_t_wait(state: StateStore, outbox: Outbox) -> None:
    await ended(state, await created(state))
    due = await first(outbox)
    await outbox.mark_failed(due, "HTTP 500", 900.0)
    await outbox.drop([due], 70.0)
    assert [delivery.type for delivery in await outbox.due(ALL.name, 70.0, 10)] == [EventType.TERMINATED]


async def test_a_late_node_cannot_end_what_was_dropped(state: StateStore, outbox: Outbox) -> None:
    await created(state)
    due = await first(outbox)
    await outbox.drop([due], 70.0)
    await outbox.mark_delivered(due)
    await outbox.mark_failed(due, "timeout", None)
    assert await outbox.take(due, EVER) is None
    assert await outbox.list(Selection(), None, 10) == []


async def test_a_dead_event_blocks_a_strict_order(state: StateStore, outbox: Outbox) -> None:
    """With `strict`, an event holds back the later events of its upload while it is dead, and no longer once it is
    dropped; without, a dead event doesn't."""
    one, two = await created(state, 1), await created(state, 2)
    dead = await die(outbox)
    await ended(state, one)

    async def due(*, strict: bool) -> list[str]:
        return [
            f"{delivery.upload_id[-1]} {delivery.type}"
            for delivery in await outbox.due(ALL.name, EVER, 10, strict=strict)
        ]

    for _ in range(2):
        assert await due(strict=True) == [f"{two.id[-1]} created"]
        assert await due(strict=False) == [f"{two.id[-1]} created", f"{one.id[-1]} terminated"]
    [dead] = await outbox.deliveries(dead.event_id)
    assert await due(strict=True) == [f"{two.id[-1]} created"]
    await outbox.restart([dead], 0.5)
    assert await due(strict=True) == [f"{one.id[-1]} created", f"{two.id[-1]} created"]
    await die(outbox)
    assert await due(strict=True) == [f"{two.id[-1]} created"]
    await outbox.drop([dead], 0.5)
    assert await due(strict=True) == [f"{one.id[-1]} terminated", f"{two.id[-1]} created"]


async def test_blocked_uploads_don_t_hide_others(state: StateStore, outbox: Outbox) -> None:
    for number in range(5):
        created_upload = await created(state, number)
        await die(outbox)
        await ended(state, created_upload)
    assert await outbox.due(ALL.name, EVER, 2, strict=True) == []
    free = await created(state, 9, updated_at=99.0)
    assert event_ids(await outbox.due(ALL.name, EVER, 2, strict=True)) == [f"evt_{free.id}_created"]


async def test_a_backlog_is_counted_for_each_sink(state: StateStore, outbox: Outbox) -> None:
    await outbox.register([ENDS])
    assert await outbox.backlogs() == [Backlog(sink=ENDS.name, pending=0, dead=0, oldest=None)]
    await outbox.register([ALL, ENDS])
    await three_states(state, outbox)
    await created(state, 2, updated_at=50.0)
    await outbox.register([])
    assert await outbox.backlogs() == [
        Backlog(sink=ENDS.name, pending=1, dead=0, oldest=6.0),
        Backlog(sink=ALL.name, pending=1, dead=1, oldest=50.0),
    ]
    await outbox.drop(await outbox.list(Selection(sink=ALL.name), None, 10), 70.0)
    assert await outbox.backlogs() == [Backlog(sink=ENDS.name, pending=1, dead=0, oldest=6.0)]


async def test_what_no_sink_waits_for_is_pruned_when_it_is_old(state: StateStore, outbox: Outbox) -> None:
    """Pruning removes an event older than the given time that is neither pending nor dead for any sink: the delivered 1
    and the dropped 3, but not 2 (dead and pending) or 4 (delivered, not old)."""
    await three_states(state, outbox)
    await created(state, 2, updated_at=20.0)
    await outbox.drop([await first(outbox)], 70.0)
    await created(state, 3, updated_at=80.0)
    await outbox.mark_delivered(await first(outbox))
    assert await outbox.prune(1.0, 10) == 0
    assert await outbox.prune(80.0, 1) == 1
    assert await outbox.prune(80.0, 10) == 1
    assert await outbox.prune(80.0, 10) == 0
    remaining = [(2, ENDS.name, "pending"), (2, ALL.name, "dead"), (4, ALL.name, "delivered")]
    assert lines(await outbox.list(Selection(), None, 10)) == remaining


async def test_a_restarted_event_is_not_pruned(state: StateStore, outbox: Outbox) -> None:
    await created(state)
    await outbox.mark_delivered(await first(outbox))
    await outbox.restart(await outbox.list(DELIVERED, None, 10), 70.0)
    assert await outbox.prune(EVER, 10) == 0
    await outbox.mark_delivered(await first(outbox))
    assert await outbox.prune(EVER, 10) == 1
    assert await outbox.list(Selection(), None, 10) == []


async def test_a_process_is_told_of_the_events_it_stores(state: StateStore, outbox: Outbox) -> None:
    woken = asyncio.Event()
    outbox.watch(woken.set)
    current = await created(state)
    assert woken.is_set()
    woken.clear()
    current = await state.save(current)
    assert not woken.is_set(), "a save without an event"
    for change in (state.save, state.rewind):
        current = await change(current, [], [event(current, EventType.ROLLED_BACK)])
        assert woken.is_set()
        woken.clear()


async def test_what_operators_do_is_there_after_a_restart(durable: Maker) -> None:
    store = durable()
    assert store.outbox is not None
    await store.outbox.register([ALL, ENDS])
    await three_states(store, store.outbox)
    listed = await store.outbox.list(Selection(), None, 10)
    await store.aclose()
    again = durable()
    assert again.outbox is not None
    assert await again.outbox.list(Selection(), None, 10) == listed
    assert await again.outbox.restart(listed, 70.0) == 3
    assert len(await again.outbox.list(PENDING, None, 10)) == 3
    await again.aclose()
