"""Appends (PATCH) to the engine, on each state."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.harness import Harness, ScriptedBody
from tests.support.intents import appending, creating, joining, sha1
from tusd_py.domain.errors import StateUnavailable, StorageUnavailable
from tusd_py.domain.intents import Append
from tusd_py.domain.phase import Phase
from tusd_py.domain.refusals import (
    ChecksumMismatch,
    Forbidden,
    Malformed,
    OffsetMismatch,
    Refusal,
    TooLarge,
    UploadLocked,
    UploadNotFound,
)
from tusd_py.domain.upload import Kind, Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.engine.append import append
from tusd_py.engine.create import create
from tusd_py.ports.body import BodyEnd


async def begin_upload(harness: Harness, length: int | None = 20, *chunks: bytes) -> Upload:
    """Create an upload by a request whose body is `chunks` and then breaks off, or, without chunks, by a request
    without a body. Returns the upload: open unless these are all of its bytes."""
    return await create(harness.engine, creating(length, body=bool(chunks)), ScriptedBody(*chunks, end=BodyEnd.CUT))


async def test_the_last_bytes_make_the_object(harness: Harness) -> None:
    upload = await begin_upload(harness, 6, b"abc")
    done = await append(harness.engine, upload.id, appending(3, size=3), ScriptedBody(b"de", b"f"))
    assert done.done
    assert harness.stored(done) == b"abcdef"
    assert await harness.record(upload) == done
    assert harness.observer.count("finished") == 1


@pytest.mark.parametrize("end", [BodyEnd.CUT, BodyEnd.IDLE, BodyEnd.STOPPED])
async def test_bytes_before_a_broken_body_end_are_kept(harness: Harness, end: BodyEnd) -> None:
    upload = await begin_upload(harness, 20)
    moved = await append(harness.engine, upload.id, appending(0, size=20), ScriptedBody(b"0123456789", b"x", end=end))
    assert (moved.offset, moved.phase) == (11, Phase.OPEN)
    assert await harness.record(upload) == moved
    done = await append(harness.engine, upload.id, appending(11), ScriptedBody(b"abcdefghi"))
    assert harness.stored(done) == b"0123456789xabcdefghi"


REFUSED: dict[str, tuple[Append, type[Refusal]]] = {
    "another offset": (appending(2), OffsetMismatch),
    "a second length": (appending(3, length=21), Malformed),
    "a body longer than what is left": (appending(3, size=18), TooLarge),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_a_refused_append_changes_nothing_and_asks_for_no_byte(harness: Harness, case: str) -> None:
    before = await begin_upload(harness, 20, b"abc")
    intent, refusal = REFUSED[case]
    body = ScriptedBody(b"zzz")
    with pytest.raises(refusal):
        await append(harness.engine, before.id, intent, body)
    assert await harness.record(before) == before
    assert not body.continued


async def test_bytes_for_nothing_are_refused(harness: Harness) -> None:
    body = ScriptedBody(b"zzz")
    with pytest.raises(UploadNotFound):
        await append(harness.engine, UploadId("0" * 32), appending(0), body)
    assert not body.continued
    assert await harness.residue() == []


async def test_a_final_upload_takes_no_bytes(harness: Harness) -> None:
    partial = await create(harness.engine, creating(2, kind=Kind.PARTIAL, body=True), ScriptedBody(b"ab"))
    final = await create(harness.engine, joining(partial.id), ScriptedBody())
    with pytest.raises(Forbidden):
        await append(harness.engine, final.id, appending(2), ScriptedBody(b"c"))
    assert harness.stored(final) == b"ab"


async def test_an_expired_upload_takes_no_bytes(harness: Harness) -> None:
    upload = await begin_upload(harness, 20, b"abc")
    harness.now += 100
    with pytest.raises(UploadNotFound):
        await append(harness.engine, upload.id, appending(3), ScriptedBody(b"d"))


@pytest.mark.parametrize("chunks", [(b"123456789", b"x"), (b"12345", b"6789x"), (b"1234", b"5678", b"9", b"x")])
async def test_a_too_long_chunked_body_never_completes(harness: Harness, chunks: tuple[bytes, ...]) -> None:
    """A chunked body that exceeds the upload's length never completes the upload."""
    before = await begin_upload(harness, 12, b"abc")
    with pytest.raises(TooLarge):
        await append(harness.engine, before.id, appending(3), ScriptedBody(*chunks))
    record = await harness.record(before)
    assert record.phase is Phase.OPEN
    assert record.offset < 12


async def test_a_full_upload_refuses_a_chunked_body(harness: Harness) -> None:
    """A full upload takes an empty chunked body and refuses any other."""
    done = await begin_upload(harness, 3, b"abc")
    assert await append(harness.engine, done.id, appending(3), ScriptedBody()) == done
    with pytest.raises(TooLarge):
        await append(harness.engine, done.id, appending(3), ScriptedBody(b"d"))
    assert await harness.record(done) == done
    assert harness.stored(done) == b"abc"


@pytest.mark.parametrize("end", [BodyEnd.COMPLETE, BodyEnd.CUT, BodyEnd.IDLE])
async def test_bytes_without_the_announced_checksum_leave_nothing(harness: Harness, end: BodyEnd) -> None:
    before = await begin_upload(harness, 40, b"abc")
    body = ScriptedBody(b"0123456789", b"0123456789", end=end)
    with pytest.raises(ChecksumMismatch):
        await append(harness.engine, before.id, appending(3, checksum=sha1(b"other")), body)
    assert await harness.record(before) == before


async def test_bytes_with_the_announced_checksum_count_in_one_step(harness: Harness) -> None:
    before = await begin_upload(harness, 40, b"abc")
    body = b"0123456789" * 2
    moved = await append(
        harness.engine, before.id, appending(3, checksum=sha1(body)), ScriptedBody(body[:10], body[10:])
    )
    assert (moved.offset, moved.revision) == (23, before.revision + 1)


async def test_preempting_a_checksummed_request_asks_for_retry(harness: Harness) -> None:
    """A request with a checksum that is stopped for another one raises UploadLocked, and records none of its bytes."""
    before = await begin_upload(harness, 40, b"abc")
    with pytest.raises(UploadLocked):
        await append(
            harness.engine, before.id, appending(3, checksum=sha1(b"x" * 20)), ScriptedBody(b"x", end=BodyEnd.STOPPED)
        )
    assert await harness.record(before) == before


@pytest.mark.parametrize("chunks", [(), (b"ab",), (b"0123456789", b"0123456789")])
async def test_a_declared_length_is_recorded_with_the_bytes(harness: Harness, chunks: tuple[bytes, ...]) -> None:
    upload = await begin_upload(harness, None)
    moved = await append(harness.engine, upload.id, appending(0, length=30), ScriptedBody(*chunks))
    assert (moved.length, moved.offset) == (30, len(b"".join(chunks)))
    assert await harness.record(upload) == moved


async def test_a_length_declared_without_bytes_is_saved_once(harness: Harness) -> None:
    upload = await begin_upload(harness, None, b"abc")
    harness.state.saves.clear()
    await append(harness.engine, upload.id, appending(3, length=30), ScriptedBody())
    await append(harness.engine, upload.id, appending(3, length=30), ScriptedBody())
    assert [saved.length for saved in harness.state.saves] == [30]


async def test_declaring_the_length_it_has_completes_an_upload(harness: Harness) -> None:
    upload = await begin_upload(harness, None, b"abc")
    done = await append(harness.engine, upload.id, appending(3, length=3), ScriptedBody())
    assert done.done
    assert harness.stored(done) == b"abc"


async def test_the_length_of_a_refused_body_is_not_declared(harness: Harness) -> None:
    before = await begin_upload(harness, None, b"abc")
    with pytest.raises(TooLarge):
        await append(harness.engine, before.id, appending(3, length=5), ScriptedBody(b"defg"))
    assert await harness.record(before) == before


async def test_a_storage_that_fails_takes_nothing_back(harness: Harness) -> None:
    upload = await begin_upload(harness, 40)
    harness.storage.fuse.blow(after=1)
    with pytest.raises(StorageUnavailable):
        await append(harness.engine, upload.id, appending(0), ScriptedBody(b"01234567", b"89012345", b"6789"))
    assert (await harness.record(upload)).offset == 8
    done = await append(harness.engine, upload.id, appending(8), ScriptedBody(b"x" * 32))
    assert harness.stored(done) == b"01234567" + b"x" * 32


async def test_a_state_store_that_fails_leaves_what_it_recorded(harness: Harness) -> None:
    upload = await begin_upload(harness, 40)
    harness.state.fuse.blow(after=2)
    with pytest.raises(StateUnavailable):
        await append(harness.engine, upload.id, appending(0, size=40), ScriptedBody(b"01234567", b"89012345"))
    assert (await harness.record(upload)).offset == 8


async def test_the_next_append_asks_the_one_before_to_save_and_leave(harness: Harness) -> None:
    upload = await begin_upload(harness, 10)
    stalled = ScriptedBody(b"abcd", stalls=True)
    first = asyncio.create_task(append(harness.engine, upload.id, appending(0), stalled))
    await stalled.stalled.wait()
    done = await append(harness.engine, upload.id, appending(4), ScriptedBody(b"efghij"))
    assert (await first).offset == 4
    assert stalled.end is BodyEnd.STOPPED
    assert harness.stored(done) == b"abcdefghij"


async def test_bytes_with_a_checksum_are_unproven_until_it_agrees(harness: Harness) -> None:
    upload = await create(harness.engine, creating(6), ScriptedBody())
    await append(harness.engine, upload.id, appending(0, checksum=sha1(b"abc")), ScriptedBody(b"abc"))
    await append(harness.engine, upload.id, appending(3), ScriptedBody(b"def"))
    assert harness.storage.unproven == [True, False]
