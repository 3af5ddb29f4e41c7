"""Bytes that seem to be lost: what the engine believes, and how little it gives up."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.contracts.engine.test_finish_and_sweep import begun, finishing
from tests.support.engine import Engine, ScriptedBody
from tests.support.intents import appending, creating, joining
from tusd_py.engine.append import append
from tusd_py.engine.create import create
from tusd_py.engine.lookup import inspect
from tusd_py.engine.sweep import sweep
from tusd_py.engine.terminate import terminate
from tusd_py.errors import StorageUnavailable, UploadLost
from tusd_py.model import Kind, Phase
from tusd_py.protocol.refusals import UploadNotFound


async def test_an_upload_whose_bytes_are_gone_goes_on_from_what_is_there(engine: Engine) -> None:
    upload = await begun(engine)
    del engine.storage._parts[upload.id][1:]
    with pytest.raises(StorageUnavailable):
        await append(engine.ports, upload.id, appending(3), ScriptedBody(b"def"))
    assert (await inspect(engine.ports, upload.id)).offset == 1
    assert ("rolled-back", (3, 1)) in engine.told.events
    done = await append(engine.ports, upload.id, appending(1), ScriptedBody(b"bcdef"))
    assert engine.stored(done) == b"abcdef"


async def test_a_full_upload_whose_bytes_are_gone_is_open_again(engine: Engine) -> None:
    upload = await finishing(engine)
    engine.storage._parts.clear()
    engine.storage.lose = True
    with pytest.raises(StorageUnavailable):
        await inspect(engine.ports, upload.id)
    now = await inspect(engine.ports, upload.id)
    assert (now.phase, now.offset) == (Phase.OPEN, 0)


async def test_bytes_that_are_there_after_all_are_not_given_up(engine: Engine) -> None:
    """A mistake in memory, or an answer that isn't the storage's."""
    upload = await finishing(engine)
    engine.storage.lose = True
    with pytest.raises(StorageUnavailable):
        await inspect(engine.ports, upload.id)
    assert engine.told.count("loss-not-confirmed") == 1
    engine.storage.lose = False
    assert engine.stored(await inspect(engine.ports, upload.id)) == b"abcdef"


async def test_an_upload_whose_object_is_found_is_finished(engine: Engine) -> None:
    upload = await finishing(engine)
    engine.storage._objects[upload.id] = b"abcdef"
    engine.storage.lose = True
    with pytest.raises(StorageUnavailable):
        await inspect(engine.ports, upload.id)
    engine.storage.lose = False
    assert (await inspect(engine.ports, upload.id)).done


async def test_a_final_upload_whose_object_is_found_is_finished_without_its_partials(engine: Engine) -> None:
    partial = await create(engine.ports, creating(3, kind=Kind.PARTIAL, body=True), ScriptedBody(b"abc"))
    final = await create(engine.ports, joining(partial.id), ScriptedBody())
    await engine.state.save(replace(final, phase=Phase.FINISHING, etag=None))
    await terminate(engine.ports, partial.id)
    with pytest.raises(StorageUnavailable):
        await inspect(engine.ports, final.id)
    assert engine.stored(await inspect(engine.ports, final.id)) == b"abc"
    assert engine.told.count("finished") == 3


async def test_while_the_storage_does_not_answer_nothing_is_given_up(engine: Engine) -> None:
    upload = await finishing(engine)
    engine.storage._parts.clear()
    engine.storage.lose, engine.storage.silent = True, True
    with pytest.raises(StorageUnavailable):
        await inspect(engine.ports, upload.id)
    now = await engine.record(upload)
    assert (now.phase, now.offset) == (Phase.FINISHING, 6)


async def test_a_final_upload_ends_only_when_a_partial_is_gone(engine: Engine) -> None:
    partial = await create(engine.ports, creating(3, kind=Kind.PARTIAL, body=True), ScriptedBody(b"abc"))
    engine.storage.fuse.blow()
    engine.storage.lose = True
    with pytest.raises(StorageUnavailable):
        await create(engine.ports, joining(partial.id), ScriptedBody())
    engine.storage.lose = False
    final = await create(engine.ports, joining(partial.id), ScriptedBody())
    assert engine.stored(final) == b"abc"
    await engine.state.save(replace(final, phase=Phase.FINISHING, etag=None))
    engine.storage._objects.clear()
    with pytest.raises(UploadLost):
        await inspect(engine.ports, final.id)
    with pytest.raises(UploadNotFound):
        await inspect(engine.ports, final.id)
    engine.now += 60
    await sweep(engine.ports)
    assert final.id not in await engine.residue()
