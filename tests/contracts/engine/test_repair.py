"""Records and storage that disagree are reported by a repair, and mended on request."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from tests.support.harness import FailingStorage, Harness, ScriptedBody
from tests.support.intents import appending, creating
from tusd_py.domain.errors import StorageUnavailable
from tusd_py.domain.phase import Phase
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.engine.append import append
from tusd_py.engine.create import create
from tusd_py.engine.repair import Mended, repair
from tusd_py.engine.terminate import terminate


@pytest.fixture
async def upload(harness: Harness) -> Upload:
    """An unfinished upload of 10 bytes that has 3."""
    created = await create(harness.engine, creating(10), ScriptedBody())
    return await append(harness.engine, created.id, appending(0), ScriptedBody(b"abc"))


@pytest.fixture
async def done(harness: Harness, upload: Upload) -> Upload:
    return await append(harness.engine, upload.id, appending(3), ScriptedBody(b"defghij"))


async def repaired(harness: Harness, *, apply: bool = True) -> list[Mended]:
    return [mended async for mended in repair(harness.engine, apply=apply)]


async def has_ended(harness: Harness, upload: Upload) -> bool:
    """Return True if the storage has nothing of the upload, and its record is deleted or gone."""
    record = await harness.state.load(upload.id)
    stored = upload.id in harness.storage._parts or upload.id in harness.storage._objects
    return not stored and (record is None or record.phase is Phase.GONE)


async def list_repairs(harness: Harness, *, apply: bool = True) -> list[str]:
    """Run a repair, and return its sentence on each difference; asserts that each was mended or, without `apply`,
    none."""
    everything = await repaired(harness, apply=apply)
    assert all(mended.done is apply for mended in everything)
    return [mended.sentence for mended in everything]


async def test_where_all_is_well_nothing_is_found(harness: Harness, done: Upload) -> None:
    await create(harness.engine, creating(10, body=True), ScriptedBody(b"ab"))
    before = await harness.residue()
    assert await list_repairs(harness) == []
    assert await harness.residue() == before
    assert (await harness.record(done)).done


async def test_an_unlistable_storage_checks_records_only(
    harness: Harness, upload: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the storage can't be listed, a repair checks the uploads that have a record, and finds no others."""
    monkeypatch.setattr(FailingStorage, "inspection", None)
    lost_upload = await create(harness.engine, creating(10, body=True), ScriptedBody(b"ab"))
    del harness.storage._parts[lost_upload.id]
    await harness.state.delete(upload)
    assert len(await list_repairs(harness)) == 1


async def test_an_upload_without_a_record_is_rebuilt_and_goes_on(harness: Harness, upload: Upload) -> None:
    await harness.state.delete(upload)
    assert await list_repairs(harness) == ["no record of it, but 3 bytes of it are stored: rebuilt"]
    rebuilt = await harness.record(upload)
    assert (rebuilt.offset, rebuilt.length, rebuilt.phase) == (3, None, Phase.OPEN)
    assert rebuilt.times.expires_at == harness.now + 100
    ended = await append(harness.engine, upload.id, appending(3, length=10), ScriptedBody(b"defghij"))
    assert harness.stored(ended) == b"abcdefghij"
    assert await list_repairs(harness) == []


async def test_without_apply_it_says_the_same_and_changes_nothing(harness: Harness, upload: Upload) -> None:
    await harness.state.delete(upload)
    before = await harness.residue()
    for _ in range(2):
        assert await list_repairs(harness, apply=False) == [
            "no record of it, but 3 bytes of it are stored: would be rebuilt"
        ]
    assert await harness.residue() == before


async def test_what_a_finished_upload_left_behind_is_not_rebuilt(harness: Harness, done: Upload) -> None:
    harness.storage._parts[done.id] = bytearray(b"abc")
    await harness.state.delete(await harness.record(done))
    harness.now = 99
    assert await list_repairs(harness) == []
    harness.now = 100
    assert await list_repairs(harness) == [f"nothing needs {done.id}: removed"]
    assert harness.stored(done) == b"abcdefghij"


async def test_lost_bytes_rewind_the_record(harness: Harness, upload: Upload) -> None:
    """A record whose bytes are lost is taken back to what the storage has."""
    harness.storage._parts[upload.id] = bytearray(b"ab")
    problem = "bytes that were recorded are gone"
    assert await list_repairs(harness, apply=False) == [f"{problem}: would be taken back to what is there"]
    assert await list_repairs(harness) == [f"{problem}: taken back from offset {upload.offset} to 2"]
    assert (await harness.record(upload)).offset == 2
    assert await list_repairs(harness) == []


async def test_a_finished_upload_whose_object_is_gone_is_ended(harness: Harness, done: Upload) -> None:
    del harness.storage._objects[done.id]
    assert await list_repairs(harness) == ["its object is gone, or is another: ended"]
    assert await has_ended(harness, done)


async def test_a_finished_object_of_wrong_size_ends(harness: Harness, done: Upload) -> None:
    """A finished upload whose object has another size is ended."""
    harness.storage._objects[done.id] += b"?"
    assert await list_repairs(harness) == ["its object is gone, or is another: ended"]


async def test_an_old_record_becomes_finished(harness: Harness, upload: Upload) -> None:
    """A repair finishes an upload whose record was restored from before its object was made."""
    old, entries = await harness.record(upload), await harness.state.entries(upload.id)
    done = await append(harness.engine, upload.id, appending(3), ScriptedBody(b"defghij"))
    await harness.state.delete(done)
    await harness.state.create(old, entries)
    assert await list_repairs(harness) == ["its object is there, but its record is older: finished"]
    record = await harness.record(upload)
    assert (record.phase, record.offset, record.etag, record.times.expires_at) == (Phase.DONE, 10, done.etag, None)
    assert harness.stored(record) == b"abcdefghij"


async def test_an_upload_that_waits_for_its_object_is_finished(harness: Harness, upload: Upload) -> None:
    harness.storage.fuse.blow(1, times=9)  # the checkpoint goes through, making the object doesn't
    with pytest.raises(StorageUnavailable):
        await append(harness.engine, upload.id, appending(3), ScriptedBody(b"defghij"))
    harness.storage.fuse.mend()
    assert await list_repairs(harness) == ["all its bytes are recorded, but it isn't finished: finished"]
    assert harness.stored(await harness.record(upload)) == b"abcdefghij"


async def test_one_that_can_not_be_finished_is_open_again(harness: Harness, upload: Upload) -> None:
    await harness.state.save(replace(upload, phase=Phase.FINISHING, offset=10))
    (sentence,) = await list_repairs(harness)
    assert sentence == f"bytes that were recorded are gone: taken back from offset 10 to {upload.offset}"
    assert (await harness.record(upload)).phase is Phase.OPEN


async def test_what_was_left_of_an_ended_upload_is_removed(harness: Harness, upload: Upload) -> None:
    await harness.state.save(replace(upload, phase=Phase.TERMINATING))
    assert await list_repairs(harness) == ["it has ended, but is not all removed: removed"]
    assert await has_ended(harness, upload)


async def test_a_failed_repair_does_not_stop_the_next(harness: Harness, upload: Upload) -> None:
    """A repair reports what the storage fails to remove, and goes on with the next upload."""
    next_upload = await create(harness.engine, creating(10, body=True), ScriptedBody(b"ab"))
    for candidate in (upload, next_upload):
        await harness.state.save(replace(candidate, phase=Phase.TERMINATING))
    harness.storage.fuse.blow()
    first, second = await repaired(harness)
    assert (first.done, second.done) == (False, True)
    assert first.sentence.endswith(": not removed: the storage can't remove it now: try again later")
    assert [await has_ended(harness, candidate) for candidate in (upload, next_upload)] == [False, True]
    assert await list_repairs(harness) == ["it has ended, but is not all removed: removed"]


async def test_an_upload_that_is_being_written_is_passed_over(harness: Harness, upload: Upload) -> None:
    stalled = ScriptedBody(b"de", stalls=True)
    writing = asyncio.create_task(append(harness.engine, upload.id, appending(3), stalled))
    await stalled.stalled.wait()
    harness.storage._parts[upload.id] = bytearray()
    assert await list_repairs(harness) == []
    harness.storage._parts[upload.id] = bytearray(b"abcde")
    stalled.stop()
    assert (await writing).offset == 5


async def test_a_record_that_appears_meanwhile_is_kept(harness: Harness, upload: Upload) -> None:
    await harness.state.delete(upload)
    recover = harness.storage.recover

    async def recovered_too_late(*arguments: object) -> object:
        await harness.state.create(upload)
        return await recover(*arguments)  # type: ignore[arg-type]  # handed on as it came

    harness.storage.recover = recovered_too_late  # type: ignore[assignment,method-assign]  # two repairs at a time
    (mended,) = await repaired(harness)
    assert mended.sentence.endswith("not rebuilt, as it is in use")
    assert (await harness.record(upload)).length == 10


@pytest.mark.parametrize("apply", [False, True])
async def test_an_orphan_is_found_during_an_hourly_round(harness: Harness, *, apply: bool) -> None:
    """A repair that comes while another node collects garbage finds the orphans all the same."""
    harness.limit(answers_gone=True)
    ended = await create(harness.engine, creating(10), ScriptedBody())
    await terminate(harness.engine, ended.id)
    harness.storage._parts[ended.id] = bytearray(b"abc")
    async with harness.engine.hold(UploadId("0" * 32)):
        assert await list_repairs(harness, apply=apply) == [
            f"nothing needs {ended.id}: {'removed' if apply else 'would be removed'}"
        ]
    assert (ended.id in harness.storage._parts) is not apply
