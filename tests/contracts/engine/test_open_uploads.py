"""New uploads are refused while there are too many unfinished ones, or too many bytes of them; nothing else is."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from tests.support.engine import Engine, ScriptedBody
from tests.support.intents import appending, creating, joining
from tusd_py.engine.append import append
from tusd_py.engine.create import create
from tusd_py.engine.lookup import inspect
from tusd_py.engine.open_uploads import OpenUploads
from tusd_py.engine.terminate import terminate
from tusd_py.errors import StateUnavailable
from tusd_py.events import Meter, Observers
from tusd_py.model import Kind, Unfinished, Upload
from tusd_py.pipeline.body import BodyEnd
from tusd_py.protocol.intents import Completion, Create
from tusd_py.protocol.refusals import TooManyUploads


def limited(engine: Engine, most: int | None = None, most_claimed: int | None = None) -> Engine:
    """Another node with the same state, that has these limits."""
    open_uploads = OpenUploads(most, most_claimed)
    observer = Observers((open_uploads, engine.told))
    engine.ports = replace(engine.ports, open_uploads=open_uploads, observer=observer)
    return engine


async def begun(engine: Engine, length: int | None = 6, **more: Any) -> Upload:
    return await create(engine.ports, creating(length, **more), ScriptedBody())


async def refused(engine: Engine, intent: Create) -> bool:
    """Whether it is, before its body is asked for and with nothing changed."""
    residue, body = await engine.residue(), ScriptedBody(b"abc")
    try:
        await create(engine.ports, intent, body)
    except TooManyUploads:
        assert not body.asked
        assert await engine.residue() == residue
        return True
    return False


async def test_there_are_no_more_unfinished_uploads_than_may_be(engine: Engine) -> None:
    limited(engine, most=2)
    await begun(engine), await begun(engine, None)
    for intent in (creating(6), creating(6, body=True), creating(None), creating(0), creating(6, kind=Kind.PARTIAL)):
        assert await refused(engine, intent)


async def test_they_claim_no_more_bytes_than_may_be(engine: Engine) -> None:
    limited(engine, most_claimed=10)
    await begun(engine, 6)
    assert await refused(engine, creating(5))
    await begun(engine, 4)
    assert await refused(engine, creating(1, body=True))
    await begun(engine, 0)
    await begun(engine, None)


async def test_uploads_of_before_count_once_the_state_was_asked(engine: Engine) -> None:
    for _ in range(3):
        await begun(engine)
    limited(engine, most=4, most_claimed=30)
    await engine.ports.look_at_room()
    assert await refused(engine, creating(13))
    await begun(engine, 12)
    assert await refused(engine, creating(0))


async def test_what_has_finished_or_ended_makes_room_at_once_for_who_saw_it_and_else_after_a_look(
    engine: Engine,
) -> None:
    limited(engine, most=1)
    await create(engine.ports, creating(3, body=True), ScriptedBody(b"abc"))
    upload = await begun(engine)
    assert (await append(engine.ports, upload.id, appending(0), ScriptedBody(b"abcdef"))).done
    await terminate(engine.ports, (await begun(engine)).id)
    before = await begun(engine)
    await engine.ports.look_at_room()
    await terminate(engine.ports, before.id)
    assert await refused(engine, creating(6))
    await engine.ports.look_at_room()
    await begun(engine)


async def test_all_that_is_done_with_uploads_that_are_there_goes_on(engine: Engine) -> None:
    limited(engine, most=2, most_claimed=6)
    upload, other = await begun(engine), await begun(engine, 0, kind=Kind.PARTIAL)
    third = await create(engine.ports, creating(0, body=True), ScriptedBody(end=BodyEnd.CUT))
    engine.ports.open_uploads._seen = Unfinished(count=99, claimed=99)
    assert third.done
    assert other.done
    assert (await append(engine.ports, upload.id, appending(0), ScriptedBody(b"abc"))).offset == 3
    assert (await inspect(engine.ports, upload.id)).offset == 3
    assert (await append(engine.ports, upload.id, appending(3), ScriptedBody(b"def"))).done
    await terminate(engine.ports, upload.id)


async def test_a_final_upload_counts_like_any_other_creation(engine: Engine) -> None:
    part = await create(engine.ports, creating(3, kind=Kind.PARTIAL, body=True), ScriptedBody(b"abc"))
    limited(engine, most=1, most_claimed=5)
    assert await refused(engine, joining(part.id, part.id))
    await begun(engine, 0, kind=Kind.PARTIAL)
    assert not await refused(engine, joining(part.id))
    assert not await refused(engine, joining(part.id)), "they are finished"


async def test_of_many_at_once_no_more_get_in(engine: Engine) -> None:
    limited(engine, most=5, most_claimed=30)
    outcomes = await asyncio.gather(*(begun(engine, 10) for _ in range(20)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes].count(Upload) == 3
    assert len(await engine.uploads()) == 3


async def test_a_creation_that_fails_counts_for_nothing(engine: Engine) -> None:
    limited(engine, most=1, most_claimed=6)
    engine.state.fuse.blow()
    with pytest.raises(StateUnavailable):
        await begun(engine)
    await begun(engine)


async def test_a_creation_that_is_under_way_while_the_state_counts_is_not_forgotten(engine: Engine) -> None:
    limited(engine, most=2)
    counting, counted = asyncio.Event(), asyncio.Event()

    async def slowly() -> Unfinished:
        counting.set()
        await counted.wait()
        return Unfinished(count=1, claimed=6)

    await begun(engine)
    look = asyncio.create_task(engine.ports.open_uploads.look(slowly, engine.ports.meter))
    await counting.wait()
    await begun(engine)
    counted.set()
    await look
    assert await refused(engine, creating(6))


async def test_a_state_that_cannot_count_leaves_it_as_it_was(engine: Engine) -> None:
    limited(engine, most=1)
    await begun(engine)

    async def away() -> Unfinished:
        raise StateUnavailable

    await engine.ports.open_uploads.look(away, engine.ports.meter)
    assert await refused(engine, creating(6))


async def test_each_look_is_told(engine: Engine) -> None:
    told = list[Unfinished]()

    class Seen(Meter):
        def unfinished_seen(self, unfinished: Unfinished) -> None:
            told.append(unfinished)

    engine.ports = replace(engine.ports, meter=Seen())
    await begun(engine), await begun(engine, None)
    await engine.ports.look_at_room()
    assert told == [Unfinished(count=2, claimed=6)]


async def test_a_creation_asks_the_state_once_and_a_patch_as_often_as_before(engine: Engine) -> None:
    asked = list[str]()
    around = engine.state.fuse.around

    async def counting(call: Any) -> Any:
        asked.append(call.__name__)
        return await around(call)

    engine.state.fuse.around = counting  # type: ignore[method-assign]
    limited(engine, most=9, most_claimed=99)
    upload = await begun(engine)
    assert asked == ["create"]
    asked.clear()
    await append(engine.ports, upload.id, appending(0), ScriptedBody(b"abc"))
    assert asked == ["load", "save"]


@pytest.fixture
async def deferred(engine: Engine) -> Upload:
    """An upload of deferred length with 3 bytes, where uploads claim 2 less than they may."""
    limited(engine, most_claimed=10)
    upload = await create(engine.ports, creating(None, body=True), ScriptedBody(b"abc", end=BodyEnd.CUT))
    await begun(engine, 5)
    await engine.ports.look_at_room()
    return upload


async def test_a_deferred_length_claims_what_comes_and_what_is_declared(engine: Engine, deferred: Upload) -> None:
    """Else whoever defers would go past it."""
    body = ScriptedBody(b"def")
    for intent in (appending(3, size=3), appending(3, length=6), appending(3, length=6, size=0)):
        with pytest.raises(TooManyUploads):
            await append(engine.ports, deferred.id, intent, body)
    assert not body.asked
    assert await inspect(engine.ports, deferred.id) == deferred
    assert await refused(engine, Create(body=appending(0, size=3).body))
    assert (await append(engine.ports, deferred.id, appending(3, size=2), ScriptedBody(b"de"))).offset == 5
    await engine.ports.look_at_room()
    with pytest.raises(TooManyUploads):
        await append(engine.ports, deferred.id, appending(5), body)
    end = replace(appending(5, size=0), completion=Completion.WITH_THIS)
    assert (await append(engine.ports, deferred.id, end, ScriptedBody())).done
