"""Each change of an upload that anybody would notice is told once, in the order of its revisions, with its reason."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace

import pytest

from tests.support.engine import Engine, ScriptedBody
from tests.support.intents import appending, creating, joining
from tusd_py.engine.append import append
from tusd_py.engine.create import create
from tusd_py.engine.lookup import inspect
from tusd_py.engine.repair import repair
from tusd_py.engine.sweep import sweep
from tusd_py.engine.terminate import terminate
from tusd_py.errors import Unavailable, UploadLost
from tusd_py.events import EventType, Reason
from tusd_py.model import Kind, Phase
from tusd_py.pipeline.body import BodyEnd
from tusd_py.protocol.refusals import Refusal


def told(engine: Engine) -> list[tuple[str, str | None]]:
    """Type and reason of each event of the upload that was made last."""
    last = engine.told.changes[-1].upload.id
    return [(event.type, event.reason) for event in engine.told.changes if event.upload.id == last]


async def cut_off(engine: Engine) -> None:
    await create(engine.ports, creating(6, body=True), ScriptedBody(b"abc", end=BodyEnd.CUT))


async def by_client(engine: Engine) -> None:
    await cut_off(engine)
    await terminate(engine.ports, engine.told.changes[-1].upload.id)


async def by_operator(engine: Engine) -> None:
    await cut_off(engine)
    await terminate(engine.ports, engine.told.changes[-1].upload.id, Reason.OPERATOR)


async def by_time(engine: Engine) -> None:
    await cut_off(engine)
    engine.now += 100
    await sweep(engine.ports)


async def by_loss(engine: Engine) -> None:
    partial = await create(engine.ports, creating(3, kind=Kind.PARTIAL, body=True), ScriptedBody(b"abc"))
    final = await create(engine.ports, joining(partial.id), ScriptedBody())
    await engine.state.save(replace(final, phase=Phase.FINISHING, etag=None))
    engine.storage._objects.clear()
    with pytest.raises(UploadLost):
        await inspect(engine.ports, final.id)


async def by_failure(engine: Engine) -> None:
    engine.storage.fuse.blow()
    with pytest.raises(Unavailable):
        await create(engine.ports, creating(9, body=True), ScriptedBody(b"abcdefghi"))


async def by_surplus(engine: Engine) -> None:
    await cut_off(engine)
    upload_id = engine.told.changes[-1].upload.id
    with pytest.raises(Refusal):
        await append(engine.ports, upload_id, replace(appending(3), strict=True), ScriptedBody(b"defg"))


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
    engine: Engine, happen: Callable[[Engine], Awaitable[None]], type_: EventType, reason: Reason
) -> None:
    await happen(engine)
    engine.now += 1000
    await sweep(engine.ports)
    assert told(engine) == [(EventType.CREATED, None), (type_, reason)]


async def test_a_loss_is_told_once(engine: Engine) -> None:
    await by_loss(engine)
    await sweep(engine.ports)
    assert told(engine) == [(EventType.CREATED, None), (EventType.FINISHED, None), (EventType.LOST, Reason.LOST)]


async def test_a_roll_back_is_told_with_both_offsets(engine: Engine) -> None:
    await cut_off(engine)
    upload = engine.told.changes[-1].upload
    del engine.storage._parts[upload.id][1:]
    with suppress(Unavailable):
        await append(engine.ports, upload.id, appending(3), ScriptedBody(b"def"))
    assert told(engine) == [(EventType.CREATED, None), (EventType.ROLLED_BACK, Reason.ROLLED_BACK)]
    event = engine.told.changes[-1]
    assert (event.before, event.upload.offset) == (3, 1)


async def test_what_repair_does_is_told(engine: Engine) -> None:
    done = await create(engine.ports, creating(6, body=True), ScriptedBody(b"abcdef"))
    await cut_off(engine)
    forgotten = engine.told.changes[-1].upload
    engine.told.changes.clear()
    del engine.storage._objects[done.id]
    await engine.state.delete(await engine.record(forgotten))
    async for _ in repair(engine.ports, apply=True):
        pass
    events = {(event.upload.id, event.type, event.reason) for event in engine.told.changes}
    assert events == {(done.id, EventType.LOST, Reason.LOST), (forgotten.id, EventType.CREATED, None)}


async def test_events_carry_the_record_that_makes_them_true(engine: Engine) -> None:
    await by_client(engine)
    created, terminated = engine.told.changes
    assert (created.upload.revision, created.upload.phase) == (1, Phase.OPEN)
    assert terminated.upload.revision > created.upload.revision
    assert terminated.upload.phase is Phase.TERMINATING
