"""An upload that another has moved on meanwhile, and a state that is away while it is left."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.support.direct_access import direct
from tests.support.engine import Engine, ScriptedBody
from tests.support.intents import appending, creating
from tusd_py.engine.append import append
from tusd_py.engine.create import create
from tusd_py.engine.direct import announce
from tusd_py.engine.sweep import sweep
from tusd_py.engine.terminate import terminate
from tusd_py.errors import StateUnavailable, StorageUnavailable, Superseded
from tusd_py.model import Direct, Phase, Upload
from tusd_py.pipeline.body import BodyEnd
from tusd_py.protocol.intents import Begin


async def begun(engine: Engine) -> Upload:
    return await create(engine.ports, creating(20, body=True), ScriptedBody(b"abc", end=BodyEnd.CUT))


async def test_a_sweep_passes_over_one_that_another_moves_on_just_then(engine: Engine) -> None:
    moved, other = await begun(engine), await begun(engine)
    engine.now += 100
    engine.state.fuse.error = Superseded  # type: ignore[assignment]
    engine.state.fuse.blow(left=1)  # after the first was loaded
    assert await sweep(engine.ports) == 1
    left = {upload.id for upload in await engine.uploads()}
    assert len(left) == 1
    assert left < {moved.id, other.id}


async def test_one_that_is_awaited_is_not_ended_before_its_time(engine: Engine) -> None:
    direct(engine)
    awaited = await announce(engine.ports, Begin(direct=Direct.WHOLE, length=3, metadata={}))
    engine.now += 99
    assert await sweep(engine.ports) == 0
    assert (await engine.record(awaited)).phase is Phase.OPEN
    engine.now += 100
    assert await sweep(engine.ports) == 1
    assert await engine.residue() == []


@pytest.mark.parametrize("error", [Superseded, StateUnavailable])
async def test_a_storage_that_fails_is_told_also_where_nothing_can_be_recorded_any_more(
    engine: Engine, error: type[Exception]
) -> None:
    """The client of a chunked body is told what kept its bytes from being stored, and the trouble is remembered."""
    upload = await begun(engine)

    class Failing(ScriptedBody):
        async def chunks(self, room: int | None) -> AsyncIterator[bytes]:
            async for chunk in super().chunks(room):
                yield chunk
                engine.state.fuse.error = error  # type: ignore[assignment]
                engine.state.fuse.blow()
                engine.storage.fuse.blow()

    with pytest.raises(StorageUnavailable):
        await append(engine.ports, upload.id, appending(3), Failing(b"01234567", b"89abcdef"))
    assert upload.id in engine.ports.unrecorded or (await engine.record(upload)).troubled_at is not None


async def test_what_a_writer_stored_after_the_end_goes_also_where_the_state_is_away_for_a_moment(
    engine: Engine,
) -> None:
    upload = await begun(engine)
    await terminate(engine.ports, upload.id)

    async def overtaken() -> None:
        async with engine.ports.records.outlived(upload):
            engine.storage._parts[upload.id] = bytearray(b"late")
            engine.state.fuse.blow()
            raise Superseded

    with pytest.raises(Superseded):
        await overtaken()
    assert await engine.residue() == []


async def test_a_request_without_bytes_needs_no_room(engine: Engine) -> None:
    upload = await begun(engine)
    engine.ports.room.full.add("storage")
    assert await append(engine.ports, upload.id, appending(3, size=0), ScriptedBody()) == upload
