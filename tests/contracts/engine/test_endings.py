"""The end of an upload is recorded before anything of it is removed; if a request that creates several uploads fails,
all that it created are ended."""

from __future__ import annotations

import pytest

from tests.contracts.engine.test_finish_and_sweep import begin_upload
from tests.support.direct_access import direct
from tests.support.harness import Harness, ScriptedBody
from tests.support.intents import creating
from tusd_py.domain.direct import DirectMode
from tusd_py.domain.errors import StateUnavailable, Superseded, UploadLost
from tusd_py.domain.intents import Begin
from tusd_py.domain.phase import Phase
from tusd_py.domain.upload import Upload
from tusd_py.engine.all_or_none import all_or_none
from tusd_py.engine.create import create
from tusd_py.engine.direct import abort, begin
from tusd_py.engine.expiry_sweep import sweep
from tusd_py.engine.garbage_collection import remove_unneeded
from tusd_py.engine.repair import repair
from tusd_py.ports.inspection import Leftover


async def test_an_abort_is_recorded_before_anything_is_removed(harness: Harness) -> None:
    access = direct(harness)
    upload = await begin(harness.engine, Begin(mode=DirectMode.PARTS))
    harness.storage.fuse.blow()
    await abort(harness.engine, upload.id, access.key(upload))
    assert (await harness.record(upload)).phase is Phase.TERMINATING


async def test_a_request_that_fails_leaves_none_of_its_uploads(harness: Harness) -> None:
    async def fail() -> None:
        async with all_or_none(harness.engine) as uploads:
            uploads.append(await create(harness.engine, creating(3, body=True), ScriptedBody(b"abc")))
            uploads.append(await begin_upload(harness))
            raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        await fail()
    assert await harness.residue() == []


async def test_finished_uploads_of_a_failed_request_end_later(harness: Harness) -> None:
    async def fail() -> None:
        async with all_or_none(harness.engine) as uploads:
            uploads.append(await create(harness.engine, creating(3, body=True), ScriptedBody(b"abc")))
            harness.state.fuse.blow(times=3)
            uploads.append(await create(harness.engine, creating(3, body=True), ScriptedBody(b"abc")))

    with pytest.raises(StateUnavailable):
        await fail()
    assert len(await harness.uploads()) == 1
    harness.now += 61
    await sweep(harness.engine)
    assert await harness.residue() == []
    assert harness.engine.pending_ends == {}


async def test_an_upload_without_bytes_left_is_reported(harness: Harness) -> None:
    """A repair without `apply` reports an unfinished upload of which the storage has nothing left as one to end."""
    await begin_upload(harness)

    async def lose(*_: object) -> None:
        raise UploadLost

    harness.storage.survey = lose  # type: ignore[method-assign,assignment]
    (mended,) = [mended async for mended in repair(harness.engine, apply=False)]
    assert mended.sentence == "what was stored of it is gone: would be ended"


async def test_what_is_in_use_or_moves_on_meanwhile_is_not_removed(harness: Harness) -> None:
    upload = await begin_upload(harness)
    leftover = Leftover(upload_id=upload.id, name="part", since=0)
    async with harness.engine.hold(upload.id):
        assert not await remove_unneeded(harness.engine, leftover, dry_run=False)

    async def moved(_: Upload) -> None:
        raise Superseded

    harness.storage.needs = lambda *_: False  # type: ignore[method-assign]
    harness.state.save = moved  # type: ignore[method-assign,assignment]
    assert not await remove_unneeded(harness.engine, leftover, dry_run=False)
    assert upload.id in harness.storage._parts
