"""Promises of every outbox (`tusd_py/ports/outbox.py`): events are stored in the commit of their change, and their
deliveries are pending until they are delivered or dead."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace

import pytest

from tests.support.events import ALL, ENDS, EVER, created, ended, event, event_ids
from tests.support.fixtures_state import Maker
from tests.support.uploads import upload
from tusd_py.domain.caller import NO_CALLER, Caller
from tusd_py.domain.errors import Superseded
from tusd_py.domain.event_json import decode_event
from tusd_py.domain.events import Event, EventType, Reason
from tusd_py.domain.phase import Phase
from tusd_py.domain.principal import Principal
from tusd_py.ports.outbox import Delivery, Outbox, Subscription
from tusd_py.ports.state import StateStore


async def test_sinks_are_registered_in_place_of_those_before(outbox: Outbox) -> None:
    assert list(await outbox.subscriptions()) == [ENDS, ALL]
    await outbox.register([ENDS])
    assert list(await outbox.subscriptions()) == [ENDS]
    await outbox.register([])
    assert list(await outbox.subscriptions()) == []


async def test_an_event_is_stored_for_its_sinks(state: StateStore, outbox: Outbox) -> None:
    """An event is stored, in its change's commit, for the sink that receives its type, and for no other."""
    created_upload = await created(state)
    [delivery] = await outbox.due(ALL.name, EVER, 10)
    assert delivery.event_id == f"evt_{created_upload.id}_created"
    assert (delivery.upload_id, delivery.type, delivery.at) == (
        created_upload.id,
        EventType.CREATED,
        created_upload.times.updated_at,
    )
    assert (delivery.sink, delivery.attempts, delivery.error) == (ALL.name, 0, None)
    assert delivery.due_at == created_upload.times.updated_at
    assert await outbox.due(ENDS.name, EVER, 10) == []
    assert await outbox.due("another", EVER, 10) == []


async def test_an_event_comes_back_as_it_was_but_for_secrets(state: StateStore, outbox: Outbox) -> None:
    caller = Caller(
        address="192.0.2.1",
        principal=Principal(subject="alice"),
        method="DELETE",
        target="/files/x?token=s3cret&y=1",
        headers={"User-Agent": "tuspy", "authorization": "Bearer s3cret", "Cookie": "a=s3cret", "X-Api-Key": "s3cret"},
        request_id="r-1",
    )
    created_upload = await state.create(upload(metadata={"name": b"\xff\x00"}, owner="alice"))
    ending = replace(created_upload, phase=Phase.TERMINATING)
    await state.save(ending, events=[event(ending, EventType.TERMINATED, Reason.CLIENT, caller=caller)])
    [delivery] = await outbox.due(ENDS.name, EVER, 10)
    assert "s3cret" not in delivery.document
    assert decode_event(delivery.type, delivery.document) == Event(
        type=EventType.TERMINATED,
        upload=replace(ending, revision=2),
        reason=Reason.CLIENT,
        caller=replace(caller, target="/files/x?token=***&y=1", headers={"User-Agent": "tuspy"}),
    )


async def test_without_a_request_there_is_no_caller(state: StateStore, outbox: Outbox) -> None:
    created_upload = await created(state)
    rewound = await state.rewind(
        replace(created_upload, offset=0), [], [event(created_upload, EventType.ROLLED_BACK, before=7)]
    )
    first, second = await take_all(outbox)
    assert decode_event(first.type, first.document).caller is NO_CALLER
    assert decode_event(second.type, second.document) == event(rewound, EventType.ROLLED_BACK, before=7)


async def take_all(outbox: Outbox, sink: Subscription = ALL) -> list[Delivery]:
    """Mark all pending deliveries of the sink delivered, one by one as they are due, and return them in that order."""
    deliveries = list[Delivery]()
    while due := await outbox.due(sink.name, EVER, 1):
        await outbox.mark_delivered(due[0])
        deliveries += due
    return deliveries


async def test_what_is_refused_tells_nothing(state: StateStore, outbox: Outbox) -> None:
    created_upload = await created(state)
    with pytest.raises(ValueError, match=created_upload.id):
        await created(state)
    stale = replace(created_upload, revision=9)
    with pytest.raises(Superseded):
        await ended(state, stale)
    with pytest.raises(Superseded):
        await state.rewind(stale, [], [event(stale, EventType.ROLLED_BACK)])
    assert event_ids(await take_all(outbox)) == [f"evt_{created_upload.id}_created"]


async def test_without_a_sink_for_it_nothing_is_stored(state: StateStore) -> None:
    assert state.outbox is not None
    created_upload = await created(state)
    await state.outbox.register([ALL])
    assert await state.outbox.due(ALL.name, EVER, 10) == []
    await ended(state, created_upload)
    assert event_ids(await state.outbox.due(ALL.name, EVER, 10)) == [f"evt_{created_upload.id}_terminated"]


async def test_an_upload_is_told_in_order_one_at_a_time(state: StateStore, outbox: Outbox) -> None:
    created_upload = await created(state)
    done = await state.save(
        replace(created_upload, phase=Phase.DONE), events=[event(created_upload, EventType.FINISHED)]
    )
    await ended(state, done)
    for kind in ("created", "finished", "terminated"):
        [delivery] = await outbox.due(ALL.name, EVER, 10)
        assert delivery.event_id == f"evt_{created_upload.id}_{kind}"
        await outbox.mark_delivered(delivery)
    assert await outbox.due(ALL.name, EVER, 10) == []
    assert event_ids(await outbox.due(ENDS.name, EVER, 10)) == [f"evt_{created_upload.id}_terminated"]


async def test_uploads_do_not_wait_for_each_other(state: StateStore, outbox: Outbox) -> None:
    first, second = await created(state, 1), await created(state, 2)
    [one, two] = await outbox.due(ALL.name, EVER, 10)
    assert event_ids([one, two]) == [f"evt_{first.id}_created", f"evt_{second.id}_created"]
    assert one.seq < two.seq
    await outbox.mark_failed(one, "HTTP 500", EVER * 2)
    assert event_ids(await outbox.due(ALL.name, EVER, 10)) == [f"evt_{second.id}_created"]
    assert event_ids(await outbox.due(ALL.name, EVER, 0)) == []


async def test_events_are_due_in_order(state: StateStore, outbox: Outbox) -> None:
    """The longest due deliveries come first, none that isn't due yet comes, and no more come than were asked for."""
    for number, at in ((1, 30.0), (2, 10.0), (3, 20.0)):
        planned = upload(number, updated_at=at)
        await state.create(planned, events=[event(planned, EventType.CREATED)])
    assert [delivery.at for delivery in await outbox.due(ALL.name, 30.0, 10)] == [10.0, 20.0, 30.0]
    assert [delivery.at for delivery in await outbox.due(ALL.name, 29.9, 10)] == [10.0, 20.0]
    assert [delivery.at for delivery in await outbox.due(ALL.name, 29.9, 1)] == [10.0]


async def test_one_node_takes_it_until_its_lease_is_over(state: StateStore, outbox: Outbox) -> None:
    await created(state)
    [delivery] = await outbox.due(ALL.name, EVER, 10)
    until = delivery.due_at + 60.0
    leased = await outbox.take(delivery, until)
    assert leased == replace(delivery, due_at=until)
    assert await outbox.take(delivery, until + 1.0) is None
    assert await outbox.due(ALL.name, until - 0.1, 10) == []
    assert await outbox.due(ALL.name, until, 10) == [leased]


async def test_one_that_failed_is_due_again_with_all_behind_it(state: StateStore, outbox: Outbox) -> None:
    created_upload = await created(state)
    await ended(state, created_upload)
    [delivery] = await outbox.due(ALL.name, EVER, 10)
    leased = await outbox.take(delivery, delivery.due_at + 60.0)
    assert leased is not None
    again = leased.due_at + 5.0
    await outbox.mark_failed(leased, "HTTP 500", again)
    assert await outbox.due(ALL.name, again - 0.1, 10) == []
    [retried] = await outbox.due(ALL.name, again, 10)
    assert retried == replace(delivery, attempts=1, error="HTTP 500", due_at=again)
    await outbox.mark_delivered(retried)
    assert event_ids(await outbox.due(ALL.name, again, 10)) == [f"evt_{created_upload.id}_terminated"]


async def test_after_a_dead_one_the_next_is_due(state: StateStore, outbox: Outbox) -> None:
    created_upload = await created(state)
    await ended(state, created_upload)
    [delivery] = await outbox.due(ALL.name, EVER, 10)
    await outbox.mark_failed(delivery, "HTTP 500", delivery.due_at + 50.0)
    [delivery] = await outbox.due(ALL.name, EVER, 10)
    await outbox.mark_failed(delivery, "timeout", None)
    assert event_ids(await outbox.due(ALL.name, delivery.due_at, 10)) == [f"evt_{created_upload.id}_terminated"]
    assert len(await take_all(outbox)) == 1


async def test_a_node_whose_lease_is_over_can_end_it_but_not_fail_it(state: StateStore, outbox: Outbox) -> None:
    created_upload = await created(state)
    await ended(state, created_upload)
    [delivery] = await outbox.due(ALL.name, EVER, 10)
    late = await outbox.take(delivery, 1000.0)
    assert late is not None
    now = await outbox.take(late, 2000.0)
    assert now is not None
    await outbox.mark_failed(late, "timeout", None)
    await outbox.mark_failed(late, "timeout", 5000.0)
    assert await outbox.due(ALL.name, 2000.0, 10) == [now]
    await outbox.mark_delivered(late)
    for _ in range(2):  # once is as good as twice
        await outbox.mark_delivered(now)
        await outbox.mark_failed(now, "timeout", 9000.0)
        assert event_ids(await outbox.due(ALL.name, 2000.0, 10)) == [f"evt_{created_upload.id}_terminated"]


async def test_sinks_are_served_apart(state: StateStore, outbox: Outbox) -> None:
    await ended(state, await created(state))
    await take_all(outbox)
    assert len(await outbox.due(ENDS.name, EVER, 10)) == 1


async def test_what_is_stored_for_a_sink_that_is_no_more_stays(state: StateStore, outbox: Outbox) -> None:
    created_upload = await created(state)
    await outbox.register([ENDS])
    await ended(state, created_upload)
    assert len(await outbox.due(ENDS.name, EVER, 10)) == 1
    assert event_ids(await take_all(outbox)) == [f"evt_{created_upload.id}_created"]


async def test_an_event_is_told_once_and_each_roll_back(state: StateStore, outbox: Outbox) -> None:
    """An upload that is created again after its record was deleted stores no second event of its creation; each of two
    roll-backs stores an event."""
    current = await created(state)
    await state.delete(current)
    current = await created(state)
    for _ in range(2):
        current = await state.rewind(current, [], [event(current, EventType.ROLLED_BACK)])
    assert event_ids(await take_all(outbox)) == [
        f"evt_{current.id}_created",
        f"evt_{current.id}_rolled-back",
        f"evt_{current.id}_rolled-back_3",
    ]


async def test_events_outlive_their_upload(state: StateStore, outbox: Outbox) -> None:
    await state.delete(await ended(state, await created(state)))
    assert len(await take_all(outbox)) == 2


async def test_entries_and_events_come_together(state: StateStore, outbox: Outbox) -> None:
    planned = upload()
    first = await state.create(planned, [{"part": 1}], [event(planned, EventType.CREATED)])
    second = await state.save(first, [{"part": 2}, {"part": 3}], [event(planned, EventType.FINISHED)])
    assert list(await state.entries(planned.id)) == [{"part": 1}, {"part": 2}, {"part": 3}]
    await state.rewind(second, [{"part": 9}], [event(planned, EventType.ROLLED_BACK)])
    assert list(await state.entries(planned.id)) == [{"part": 9}]
    assert len(await take_all(outbox)) == 3


async def test_they_are_there_after_a_restart(durable: Maker) -> None:
    store = durable()
    assert store.outbox is not None
    await store.outbox.register([ALL, ENDS])
    await created(store)
    [delivery] = await store.outbox.due(ALL.name, EVER, 10)
    await store.outbox.mark_failed(delivery, "HTTP 500", 77.0)
    await store.aclose()
    again = durable()
    assert again.outbox is not None
    assert list(await again.outbox.subscriptions()) == [ENDS, ALL]
    assert await again.outbox.due(ALL.name, 77.0, 10) == [replace(delivery, attempts=1, error="HTTP 500", due_at=77.0)]
    await again.aclose()


async def test_many_nodes_deliver_each_event_once_and_in_order(state: StateStore, outbox: Outbox) -> None:
    """Four nodes that share an outbox deliver each event once and each upload's events in order, as long as no lease
    runs out."""
    arrived = dict[str, list[str]]()
    dice = random.Random(7)
    for number in range(5):
        created_upload = await created(state, number)
        await ended(
            state,
            await state.save(
                replace(created_upload, phase=Phase.DONE), events=[event(created_upload, EventType.FINISHED)]
            ),
        )

    async def node() -> None:
        while due := await outbox.due(ALL.name, EVER, 3):
            for delivery in due:
                if leased := await outbox.take(delivery, EVER * 2):
                    await asyncio.sleep(dice.random() / 1000)
                    arrived.setdefault(leased.upload_id, []).append(leased.type)
                    await outbox.mark_delivered(leased)

    await asyncio.gather(*(node() for _ in range(4)))
    while due := await outbox.due(ALL.name, EVER, 1):  # what the last to look found taken
        arrived.setdefault(due[0].upload_id, []).append(due[0].type)
        await outbox.mark_delivered(due[0])
    assert list(arrived.values()) == [["created", "finished", "terminated"]] * 5
