"""Each creation, finish, end and roll-back of an upload has one event, in the order of its revisions, with the reason
of an end or roll-back. Observers are told of it once its commit is answered; the outbox delivers it even if the answer
is lost."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace

import pytest

from tests.support.harness import Harness, ScriptedBody
from tests.support.intents import appending, creating, joining
from tusd_py.domain.errors import Unavailable, UploadLost
from tusd_py.domain.event_json import decode_event
from tusd_py.domain.events import Event, EventType, Reason
from tusd_py.domain.phase import Phase
from tusd_py.domain.refusals import Refusal
from tusd_py.domain.upload import Kind
from tusd_py.engine.append import append
from tusd_py.engine.create import create
from tusd_py.engine.expiry_sweep import sweep
from tusd_py.engine.lookup import inspect
from tusd_py.engine.repair import repair
from tusd_py.engine.terminate import terminate
from tusd_py.ports.body import BodyEnd
from tusd_py.ports.outbox import Subscription


def list_events(harness: Harness) -> list[tuple[str, str | None]]:
    """Return type and reason of each event of the upload that the latest event is about, in order."""
    last = harness.observer.changes[-1].upload.id
    return [(event.type, event.reason) for event in harness.observer.changes if event.upload.id == last]


async def cut_off(harness: Harness) -> None:
    await create(harness.engine, creating(6, body=True), ScriptedBody(b"abc", end=BodyEnd.CUT))


async def by_client(harness: Harness) -> None:
    await cut_off(harness)
    await terminate(harness.engine, harness.observer.changes[-1].upload.id)


async def by_operator(harness: Harness) -> None:
    await cut_off(harness)
    await terminate(harness.engine, harness.observer.changes[-1].upload.id, Reason.OPERATOR)


async def by_time(harness: Harness) -> None:
    await cut_off(harness)
    harness.now += 100
    await sweep(harness.engine)


async def by_loss(harness: Harness) -> None:
    partial = await create(harness.engine, creating(3, kind=Kind.PARTIAL, body=True), ScriptedBody(b"abc"))
    final = await create(harness.engine, joining(partial.id), ScriptedBody())
    await harness.state.save(replace(final, phase=Phase.FINISHING, etag=None))
    harness.storage._objects.clear()
    with pytest.raises(UploadLost):
        await inspect(harness.engine, final.id)


async def by_failure(harness: Harness) -> None:
    harness.storage.fuse.blow()
    with pytest.raises(Unavailable):
        await create(harness.engine, creating(9, body=True), ScriptedBody(b"abcdefghi"))


async def by_surplus(harness: Harness) -> None:
    await cut_off(harness)
    upload_id = harness.observer.changes[-1].upload.id
    with pytest.raises(Refusal):
        await append(harness.engine, upload_id, replace(appending(3), strict=True), ScriptedBody(b"defg"))


@pytest.mark.parametrize(
    ("happen", "type_", "reason"),
    [
        (by_client, EventType.TERMINATED, Reason.CLIENT),
        (by_operator, EventType.TERMINATED, Reason.OPERATOR),
        (by_time, EventType.EXPIRED, Reason.EXPIRED),
        (by_failure, EventType.TERMINATED, Reason.FAILED_CREATION),
        (by_surplus, EventType.TERMINATED, Reason.REFUSED),
    ],
)
async def test_an_end_is_told_once_with_its_reason(
    harness: Harness, happen: Callable[[Harness], Awaitable[None]], type_: EventType, reason: Reason
) -> None:
    await happen(harness)
    harness.now += 1000
    await sweep(harness.engine)
    assert list_events(harness) == [(EventType.CREATED, None), (type_, reason)]


async def test_a_loss_is_told_once(harness: Harness) -> None:
    await by_loss(harness)
    await sweep(harness.engine)
    assert list_events(harness) == [
        (EventType.CREATED, None),
        (EventType.FINISHED, None),
        (EventType.LOST, Reason.LOST),
    ]


async def test_a_roll_back_is_told_with_both_offsets(harness: Harness) -> None:
    await cut_off(harness)
    upload = harness.observer.changes[-1].upload
    del harness.storage._parts[upload.id][1:]
    with suppress(Unavailable):
        await append(harness.engine, upload.id, appending(3), ScriptedBody(b"def"))
    assert list_events(harness) == [(EventType.CREATED, None), (EventType.ROLLED_BACK, Reason.ROLLED_BACK)]
    event = harness.observer.changes[-1]
    assert (event.before, event.upload.offset) == (3, 1)


async def test_what_repair_does_is_told(harness: Harness) -> None:
    done = await create(harness.engine, creating(6, body=True), ScriptedBody(b"abcdef"))
    await cut_off(harness)
    forgotten = harness.observer.changes[-1].upload
    harness.observer.changes.clear()
    assert harness.state.outbox is not None
    await harness.state.outbox.register([SINK])
    del harness.storage._objects[done.id]
    await harness.state.delete(await harness.record(forgotten))
    async for _ in repair(harness.engine, apply=True):
        pass
    events = {(event.upload.id, event.type, event.reason) for event in harness.observer.changes}
    assert events == {(done.id, EventType.LOST, Reason.LOST), (forgotten.id, EventType.CREATED, None)}
    assert await delivered(harness) == harness.observer.changes


async def test_events_carry_the_record_that_makes_them_true(harness: Harness) -> None:
    await by_client(harness)
    created, terminated = harness.observer.changes
    assert (created.upload.revision, created.upload.phase) == (1, Phase.OPEN)
    assert terminated.upload.revision > created.upload.revision
    assert terminated.upload.phase is Phase.TERMINATING


SINK = Subscription(name="sink", format="cloudevents", types=frozenset(EventType))


async def delivered(harness: Harness) -> list[Event]:
    """Mark all due events in the outbox as delivered, and return them in the order of their numbers."""
    outbox, events = harness.state.outbox, list[tuple[int, Event]]()
    assert outbox is not None
    while due := await outbox.due(SINK.name, 1e9, 100):
        for delivery in due:
            events.append((delivery.seq, decode_event(delivery.type, delivery.document)))
            await outbox.mark_delivered(delivery)
    return [event for _, event in sorted(events, key=lambda numbered: numbered[0])]


@pytest.mark.parametrize("happen", [by_client, by_operator, by_time, by_loss, by_failure, by_surplus])
async def test_what_observers_are_told_is_in_the_outbox(
    harness: Harness, happen: Callable[[Harness], Awaitable[None]]
) -> None:
    assert harness.state.outbox is not None
    await harness.state.outbox.register([SINK])
    await happen(harness)
    assert await delivered(harness) == harness.observer.changes


async def test_an_event_survives_a_lost_commit_reply(harness: Harness) -> None:
    """An event is stored, and delivered from the outbox, though the reply to its commit is lost; observers, who are
    told after the reply, don't learn of it."""
    assert harness.state.outbox is not None
    await harness.state.outbox.register([SINK])
    await cut_off(harness)
    upload = harness.observer.changes[-1].upload
    harness.state.fuse.blow(after=1, answer_lost=True)  # the load comes before
    with pytest.raises(Unavailable):
        await terminate(harness.engine, upload.id)
    assert [event.type for event in harness.observer.changes] == [EventType.CREATED]
    assert [event.type for event in await delivered(harness)] == [EventType.CREATED, EventType.TERMINATED]
