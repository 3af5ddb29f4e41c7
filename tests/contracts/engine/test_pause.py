"""Until its pause ends, an upload takes no bytes; a direct one isn't completed, and no part of it is signed. Nothing
else is refused."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.direct_access import direct
from tests.support.harness import Harness, ScriptedBody
from tests.support.intents import appending, creating
from tusd_py.domain.direct import DirectMode
from tusd_py.domain.intents import Begin
from tusd_py.domain.lifecycle import PAUSE
from tusd_py.domain.refusals import AlreadyComplete, Paused, UploadNotFound
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.engine.append import append
from tusd_py.engine.create import create
from tusd_py.engine.direct import begin, complete, parts, sign_part
from tusd_py.engine.lookup import inspect
from tusd_py.engine.pause import pause, resume
from tusd_py.engine.terminate import terminate


@pytest.fixture
async def upload(harness: Harness) -> Upload:
    harness.limit(expire_after=10 * PAUSE)
    return await create(harness.engine, creating(20), ScriptedBody())


async def send(harness: Harness, upload: Upload, offset: int, chunk: bytes) -> Upload:
    return await append(harness.engine, upload.id, appending(offset), ScriptedBody(chunk))


async def test_a_paused_upload_takes_no_bytes_until_it_is_resumed(harness: Harness, upload: Upload) -> None:
    paused = await pause(harness.engine, upload.id)
    assert paused.paused(harness.now)
    with pytest.raises(Paused):
        await send(harness, upload, 0, b"abc")
    assert (await inspect(harness.engine, upload.id)).offset == 0
    assert not (await resume(harness.engine, upload.id)).paused(harness.now)
    assert (await send(harness, upload, 0, b"abc")).offset == 3


async def test_a_pause_expires_or_is_renewed_by_another(harness: Harness, upload: Upload) -> None:
    await pause(harness.engine, upload.id)
    harness.now += PAUSE - 1
    await pause(harness.engine, upload.id)
    harness.now += PAUSE - 1
    with pytest.raises(Paused):
        await send(harness, upload, 0, b"abc")
    harness.now += 1
    assert (await send(harness, upload, 0, b"abc")).offset == 3


async def test_a_running_request_saves_its_bytes_and_leaves(harness: Harness, upload: Upload) -> None:
    body = ScriptedBody(b"0123456789", stalls=True)
    running = asyncio.create_task(append(harness.engine, upload.id, appending(0), body))
    await body.stalled.wait()
    assert (await pause(harness.engine, upload.id)).offset == 10
    assert (await running).offset == 10
    with pytest.raises(Paused):
        await send(harness, upload, 10, b"x")


async def test_resuming_what_is_not_paused_changes_nothing(harness: Harness, upload: Upload) -> None:
    assert await resume(harness.engine, upload.id) == upload


@pytest.mark.parametrize("expired", [False, True])
async def test_a_writer_stays_if_there_is_no_pause_to_end(harness: Harness, upload: Upload, *, expired: bool) -> None:
    """A request that brings bytes goes on when a client resumes an upload whose pause is over, or never began."""
    if expired:
        await pause(harness.engine, upload.id)
        harness.now += PAUSE
    body = ScriptedBody(b"01234", stalls=True)
    running = asyncio.create_task(append(harness.engine, upload.id, appending(0), body))
    await body.stalled.wait()
    resumed = await resume(harness.engine, upload.id)
    assert not resumed.paused(harness.now)
    assert not running.done()
    body.stop()
    assert (await running).offset == 5


async def test_a_paused_upload_can_be_terminated(harness: Harness, upload: Upload) -> None:
    await pause(harness.engine, upload.id)
    await terminate(harness.engine, upload.id)
    assert await harness.residue() == []


async def test_a_finished_or_unknown_upload_is_not_paused(harness: Harness) -> None:
    done = await create(harness.engine, creating(3, body=True), ScriptedBody(b"abc"))
    for action in (pause, resume):
        with pytest.raises(AlreadyComplete):
            await action(harness.engine, done.id)
        with pytest.raises(UploadNotFound):
            await action(harness.engine, UploadId("f" * 32))


async def test_no_part_of_a_paused_direct_upload_is_signed(harness: Harness) -> None:
    access = direct(harness)
    upload = await begin(harness.engine, Begin(mode=DirectMode.PARTS))
    await pause(harness.engine, upload.id)
    key = access.key(upload)

    async def no_list() -> list[object]:
        return []

    with pytest.raises(Paused):
        await sign_part(harness.engine, upload.id, key, 1, None)
    with pytest.raises(Paused):
        await complete(harness.engine, upload.id, key, no_list)  # type: ignore[arg-type]
    assert await parts(harness.engine, upload.id, key) == []
    await resume(harness.engine, upload.id)
    assert await sign_part(harness.engine, upload.id, key, 1, None)


async def test_a_pause_that_changes_nothing_saves_nothing(harness: Harness, upload: Upload) -> None:
    paused = await pause(harness.engine, upload.id)
    harness.state.saves.clear()
    assert await pause(harness.engine, upload.id) == paused
    assert harness.state.saves == []
