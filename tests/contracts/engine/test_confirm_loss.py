"""Bytes that seem to be lost: what the engine believes, and how little it gives up."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.contracts.engine.test_finish_and_sweep import begin_upload, finishing
from tests.support.harness import Harness, ScriptedBody
from tests.support.intents import appending, creating, joining
from tusd_py.domain.errors import StorageUnavailable, Superseded, UploadLost
from tusd_py.domain.phase import Phase
from tusd_py.domain.refusals import UploadNotFound
from tusd_py.domain.upload import Kind, Upload
from tusd_py.engine.append import append
from tusd_py.engine.confirm_loss import confirming_loss
from tusd_py.engine.create import create
from tusd_py.engine.expiry_sweep import sweep
from tusd_py.engine.lookup import inspect
from tusd_py.engine.terminate import terminate


async def test_lost_bytes_rewind_the_upload(harness: Harness) -> None:
    """An upload whose bytes are lost continues from what the storage still has."""
    upload = await begin_upload(harness)
    del harness.storage._parts[upload.id][1:]
    with pytest.raises(StorageUnavailable):
        await append(harness.engine, upload.id, appending(3), ScriptedBody(b"def"))
    assert (await inspect(harness.engine, upload.id)).offset == 1
    assert ("rolled-back", (3, 1)) in harness.observer.events
    done = await append(harness.engine, upload.id, appending(1), ScriptedBody(b"bcdef"))
    assert harness.stored(done) == b"abcdef"


async def test_a_save_without_an_answer_hides_no_loss(harness: Harness) -> None:
    """An upload that lost bytes is rolled back even if the state still carried out a save of this process that was
    cancelled because of the loss, so that the record has a newer revision than the process knows."""
    upload = await begin_upload(harness)
    del harness.storage._parts[upload.id][1:]
    with pytest.raises(StorageUnavailable):
        await _lose(harness, upload, after=upload)
    assert (await inspect(harness.engine, upload.id)).offset == 1


async def test_bytes_that_another_process_moved_are_not_lost(harness: Harness) -> None:
    upload = await begin_upload(harness)
    with pytest.raises(Superseded):
        await _lose(harness, upload, after=upload)
    assert harness.observer.count("loss not confirmed") == 0
    assert (await inspect(harness.engine, upload.id)).offset == 3


@pytest.mark.parametrize("phase", [Phase.DONE, Phase.GONE])
async def test_what_another_process_finished_or_ended_stays_so(harness: Harness, phase: Phase) -> None:
    upload = await begin_upload(harness)
    after = replace(upload, phase=phase, etag="e" if phase is Phase.DONE else None)
    harness.storage._parts.clear()
    with pytest.raises(Superseded):
        await _lose(harness, upload, after=after)
    assert (await harness.record(upload)).phase is phase


async def _lose(harness: Harness, upload: Upload, *, after: Upload) -> None:
    """Save `after` as the upload's record, then raise UploadLost within `confirming_loss`, as a writer does that knows
    only the record `upload`. Raises what `confirming_loss` makes of that."""
    async with confirming_loss(harness.engine, lambda: upload):
        await harness.state.inner.save(after)
        raise UploadLost("tail")


async def test_a_full_upload_whose_bytes_are_gone_is_open_again(harness: Harness) -> None:
    upload = await finishing(harness)
    harness.storage._parts.clear()
    harness.storage.lose = True
    with pytest.raises(StorageUnavailable):
        await inspect(harness.engine, upload.id)
    now = await inspect(harness.engine, upload.id)
    assert (now.phase, now.offset) == (Phase.OPEN, 0)


async def test_bytes_that_are_there_after_all_are_not_given_up(harness: Harness) -> None:
    """A finish that reports lost bytes by mistake fails that one request; the upload keeps all bytes that the storage
    has."""
    upload = await finishing(harness)
    harness.storage.lose = True
    with pytest.raises(StorageUnavailable):
        await inspect(harness.engine, upload.id)
    assert harness.observer.count("loss not confirmed") == 1
    harness.storage.lose = False
    assert harness.stored(await inspect(harness.engine, upload.id)) == b"abcdef"


async def test_an_upload_whose_object_is_found_is_finished(harness: Harness) -> None:
    upload = await finishing(harness)
    harness.storage._objects[upload.id] = b"abcdef"
    harness.storage.lose = True
    with pytest.raises(StorageUnavailable):
        await inspect(harness.engine, upload.id)
    harness.storage.lose = False
    assert (await inspect(harness.engine, upload.id)).done


async def test_a_found_final_object_needs_no_partials(harness: Harness) -> None:
    """A final upload whose object exists is finished though its partial uploads are gone."""
    partial = await create(harness.engine, creating(3, kind=Kind.PARTIAL, body=True), ScriptedBody(b"abc"))
    final = await create(harness.engine, joining(partial.id), ScriptedBody())
    await harness.state.save(replace(final, phase=Phase.FINISHING, etag=None))
    await terminate(harness.engine, partial.id)
    with pytest.raises(StorageUnavailable):
        await inspect(harness.engine, final.id)
    assert harness.stored(await inspect(harness.engine, final.id)) == b"abc"
    assert harness.observer.count("finished") == 3


async def test_while_the_storage_does_not_answer_nothing_is_given_up(harness: Harness) -> None:
    upload = await finishing(harness)
    harness.storage._parts.clear()
    harness.storage.lose, harness.storage.silent = True, True
    with pytest.raises(StorageUnavailable):
        await inspect(harness.engine, upload.id)
    now = await harness.record(upload)
    assert (now.phase, now.offset) == (Phase.FINISHING, 6)


async def test_a_final_upload_ends_only_when_a_partial_is_gone(harness: Harness) -> None:
    partial = await create(harness.engine, creating(3, kind=Kind.PARTIAL, body=True), ScriptedBody(b"abc"))
    harness.storage.fuse.blow()
    harness.storage.lose = True
    with pytest.raises(StorageUnavailable):
        await create(harness.engine, joining(partial.id), ScriptedBody())
    harness.storage.lose = False
    final = await create(harness.engine, joining(partial.id), ScriptedBody())
    assert harness.stored(final) == b"abc"
    await harness.state.save(replace(final, phase=Phase.FINISHING, etag=None))
    harness.storage._objects.clear()
    with pytest.raises(UploadLost):
        await inspect(harness.engine, final.id)
    with pytest.raises(UploadNotFound):
        await inspect(harness.engine, final.id)
    harness.now += 60
    await sweep(harness.engine)
    assert final.id not in await harness.residue()
