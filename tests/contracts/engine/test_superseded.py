"""Uploads that another request or a sweep changes while a request works on them, and failures of the state during
that."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.support.direct_access import direct
from tests.support.harness import Harness, ScriptedBody
from tests.support.intents import appending, creating
from tusd_py.domain.direct import DirectMode
from tusd_py.domain.errors import StateUnavailable, StorageUnavailable, Superseded
from tusd_py.domain.intents import Begin
from tusd_py.domain.phase import Phase
from tusd_py.domain.upload import Upload
from tusd_py.engine.append import append
from tusd_py.engine.create import create
from tusd_py.engine.direct import announce
from tusd_py.engine.expiry_sweep import sweep
from tusd_py.engine.terminate import terminate
from tusd_py.ports.body import BodyEnd


async def begin_upload(harness: Harness) -> Upload:
    return await create(harness.engine, creating(20, body=True), ScriptedBody(b"abc", end=BodyEnd.CUT))


async def test_a_sweep_passes_over_one_that_another_moves_on_just_then(harness: Harness) -> None:
    moved, second_upload = await begin_upload(harness), await begin_upload(harness)
    harness.now += 100
    harness.state.fuse.error = Superseded  # type: ignore[assignment]
    harness.state.fuse.blow(after=1)  # after the first was loaded
    assert await sweep(harness.engine) == 1
    remaining = {upload.id for upload in await harness.uploads()}
    assert len(remaining) == 1
    assert remaining < {moved.id, second_upload.id}


async def test_one_that_is_awaited_is_not_ended_before_its_time(harness: Harness) -> None:
    direct(harness)
    awaited = await announce(harness.engine, Begin(mode=DirectMode.WHOLE, length=3, metadata={}))
    harness.now += 99
    assert await sweep(harness.engine) == 0
    assert (await harness.record(awaited)).phase is Phase.OPEN
    harness.now += 100
    assert await sweep(harness.engine) == 1
    assert await harness.residue() == []


@pytest.mark.parametrize("error", [Superseded, StateUnavailable])
async def test_an_unrecordable_storage_failure_is_answered(harness: Harness, error: type[Exception]) -> None:
    """If the state fails after the storage has, the client still gets StorageUnavailable, and the trouble is recorded,
    or kept in `Engine.unrecorded`."""
    upload = await begin_upload(harness)

    class Failing(ScriptedBody):
        async def chunks(self, max_bytes: int | None) -> AsyncIterator[bytes]:
            async for chunk in super().chunks(max_bytes):
                yield chunk
                harness.state.fuse.error = error  # type: ignore[assignment]
                harness.state.fuse.blow()
                harness.storage.fuse.blow()

    with pytest.raises(StorageUnavailable):
        await append(harness.engine, upload.id, appending(3), Failing(b"01234567", b"89abcdef"))
    assert upload.id in harness.engine.unrecorded or (await harness.record(upload)).troubled_at is not None


async def test_a_state_outage_delays_removal_after_the_end(
    harness: Harness,
) -> None:
    """Bytes that a writer stored after its upload's end are removed, though the state store fails once."""
    upload = await begin_upload(harness)
    await terminate(harness.engine, upload.id)

    async def overtaken() -> None:
        async with harness.engine.records.cleaning_if_superseded(upload):
            harness.storage._parts[upload.id] = bytearray(b"late")
            harness.state.fuse.blow()
            raise Superseded

    with pytest.raises(Superseded):
        await overtaken()
    assert await harness.residue() == []


async def test_a_request_without_bytes_needs_no_room(harness: Harness) -> None:
    upload = await begin_upload(harness)
    harness.engine.free_space.full.add("storage")
    assert await append(harness.engine, upload.id, appending(3, size=0), ScriptedBody()) == upload
