"""Where records and storage disagree, repair says so, and mends it when told to."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from tests.support.engine import Engine, ScriptedBody
from tests.support.intents import appending, creating
from tusd_py.engine.append import append
from tusd_py.engine.create import create
from tusd_py.engine.repair import Mended, repair
from tusd_py.errors import StorageUnavailable
from tusd_py.model import Phase, Upload


@pytest.fixture
async def upload(engine: Engine) -> Upload:
    """An unfinished one, with bytes."""
    made = await create(engine.ports, creating(10), ScriptedBody())
    return await append(engine.ports, made.id, appending(0), ScriptedBody(b"abc"))


@pytest.fixture
async def done(engine: Engine, upload: Upload) -> Upload:
    return await append(engine.ports, upload.id, appending(3), ScriptedBody(b"defghij"))


async def repaired(engine: Engine, *, apply: bool = True) -> list[Mended]:
    return [mended async for mended in repair(engine.ports, apply=apply)]


async def has_ended(engine: Engine, upload: Upload) -> bool:
    """Nobody sees it, and nothing of it is stored."""
    record = await engine.state.load(upload.id)
    stored = upload.id in engine.storage._parts or upload.id in engine.storage._objects
    return not stored and (record is None or record.phase is Phase.GONE)


async def found(engine: Engine, *, apply: bool = True) -> list[str]:
    """The sentences of what was done, or would be."""
    everything = await repaired(engine, apply=apply)
    assert all(mended.done is apply for mended in everything)
    return [mended.sentence for mended in everything]


async def test_where_all_is_well_nothing_is_found(engine: Engine, done: Upload) -> None:
    await create(engine.ports, creating(10, body=True), ScriptedBody(b"ab"))
    before = await engine.residue()
    assert await found(engine) == []
    assert await engine.residue() == before
    assert (await engine.record(done)).done


async def test_an_upload_without_a_record_is_rebuilt_and_goes_on(engine: Engine, upload: Upload) -> None:
    await engine.state.delete(upload)
    assert await found(engine) == ["no record of it, but 3 bytes of it are stored: rebuilt"]
    rebuilt = await engine.record(upload)
    assert (rebuilt.offset, rebuilt.length, rebuilt.phase) == (3, None, Phase.OPEN)
    assert rebuilt.expires_at == engine.now + 100
    ended = await append(engine.ports, upload.id, appending(3, length=10), ScriptedBody(b"defghij"))
    assert engine.stored(ended) == b"abcdefghij"
    assert await found(engine) == []


async def test_without_apply_it_says_the_same_and_changes_nothing(engine: Engine, upload: Upload) -> None:
    await engine.state.delete(upload)
    before = await engine.residue()
    for _ in range(2):
        assert await found(engine, apply=False) == ["no record of it, but 3 bytes of it are stored: would be rebuilt"]
    assert await engine.residue() == before


async def test_what_a_finished_upload_left_behind_is_not_rebuilt(engine: Engine, done: Upload) -> None:
    engine.storage._parts[done.id] = bytearray(b"abc")
    await engine.state.delete(await engine.record(done))
    engine.now = 99
    assert await found(engine) == []
    engine.now = 100
    assert await found(engine) == [f"nothing needs {done.id}: removed"]
    assert engine.stored(done) == b"abcdefghij"


async def test_an_upload_whose_bytes_are_gone_is_taken_back_to_what_is_there(engine: Engine, upload: Upload) -> None:
    engine.storage._parts[upload.id] = bytearray(b"ab")
    problem = "bytes that were recorded are gone"
    assert await found(engine, apply=False) == [f"{problem}: would be taken back to what is there"]
    assert await found(engine) == [f"{problem}: taken back from offset {upload.offset} to 2"]
    assert (await engine.record(upload)).offset == 2
    assert await found(engine) == []


async def test_a_finished_upload_whose_object_is_gone_is_ended(engine: Engine, done: Upload) -> None:
    del engine.storage._objects[done.id]
    assert await found(engine) == ["its object is gone, or is another: ended"]
    assert await has_ended(engine, done)


async def test_a_finished_upload_whose_object_has_another_size_is_ended(engine: Engine, done: Upload) -> None:
    engine.storage._objects[done.id] += b"?"
    assert await found(engine) == ["its object is gone, or is another: ended"]


async def test_an_old_copy_of_a_record_learns_that_its_upload_is_finished(engine: Engine, upload: Upload) -> None:
    old, entries = await engine.record(upload), await engine.state.entries(upload.id)
    done = await append(engine.ports, upload.id, appending(3), ScriptedBody(b"defghij"))
    await engine.state.delete(done)
    await engine.state.create(old, entries)
    assert await found(engine) == ["its object is there, but its record is older: finished"]
    record = await engine.record(upload)
    assert (record.phase, record.offset, record.etag, record.expires_at) == (Phase.DONE, 10, done.etag, None)
    assert engine.stored(record) == b"abcdefghij"


async def test_an_upload_that_waits_for_its_object_is_finished(engine: Engine, upload: Upload) -> None:
    engine.storage.fuse.blow(1, times=9)  # the checkpoint goes through, making the object doesn't
    with pytest.raises(StorageUnavailable):
        await append(engine.ports, upload.id, appending(3), ScriptedBody(b"defghij"))
    engine.storage.fuse.mend()
    assert await found(engine) == ["all its bytes are recorded, but it isn't finished: finished"]
    assert engine.stored(await engine.record(upload)) == b"abcdefghij"


async def test_one_that_can_not_be_finished_is_open_again(engine: Engine, upload: Upload) -> None:
    await engine.state.save(replace(upload, phase=Phase.FINISHING, offset=10))
    (sentence,) = await found(engine)
    assert sentence == f"bytes that were recorded are gone: taken back from offset 10 to {upload.offset}"
    assert (await engine.record(upload)).phase is Phase.OPEN


async def test_what_was_left_of_an_ended_upload_is_removed(engine: Engine, upload: Upload) -> None:
    await engine.state.save(replace(upload, phase=Phase.TERMINATING))
    assert await found(engine) == ["it has ended, but is not all removed: removed"]
    assert await has_ended(engine, upload)


async def test_what_a_storage_will_not_do_is_said_and_the_next_one_is_mended(engine: Engine, upload: Upload) -> None:
    other = await create(engine.ports, creating(10, body=True), ScriptedBody(b"ab"))
    for each in (upload, other):
        await engine.state.save(replace(each, phase=Phase.TERMINATING))
    engine.storage.fuse.blow()
    first, second = await repaired(engine)
    assert (first.done, second.done) == (False, True)
    assert first.sentence.endswith(": not removed: the storage won't let go of it now")
    assert [await has_ended(engine, each) for each in (upload, other)] == [False, True]
    assert await found(engine) == ["it has ended, but is not all removed: removed"]


async def test_an_upload_that_is_being_written_is_passed_over(engine: Engine, upload: Upload) -> None:
    stalled = ScriptedBody(b"de", stalls=True)
    writing = asyncio.create_task(append(engine.ports, upload.id, appending(3), stalled))
    await stalled.stalled.wait()
    engine.storage._parts[upload.id] = bytearray()
    assert await found(engine) == []
    engine.storage._parts[upload.id] = bytearray(b"abcde")
    stalled.stop()
    assert (await writing).offset == 5


async def test_a_record_that_appears_meanwhile_is_kept(engine: Engine, upload: Upload) -> None:
    await engine.state.delete(upload)
    recover = engine.storage.recover

    async def recovered_too_late(*asked: object) -> object:
        await engine.state.create(upload)
        return await recover(*asked)  # type: ignore[arg-type]  # handed on as it came

    engine.storage.recover = recovered_too_late  # type: ignore[assignment,method-assign]  # two repairs at a time
    (mended,) = await repaired(engine)
    assert mended.sentence.endswith("not rebuilt, as it is in use")
    assert (await engine.record(upload)).length == 10
