"""PATCH, in words."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.engine import Engine, ScriptedBody
from tests.support.intents import appending, creating, joining, sha1
from tusd_py.engine.append import append
from tusd_py.engine.create import create
from tusd_py.errors import StateUnavailable, StorageUnavailable
from tusd_py.model import Kind, Phase, Upload, UploadId
from tusd_py.pipeline.body import BodyEnd
from tusd_py.protocol.intents import Append
from tusd_py.protocol.refusals import (
    ChecksumMismatch,
    Forbidden,
    Malformed,
    OffsetMismatch,
    Refusal,
    TooLarge,
    UploadLocked,
    UploadNotFound,
)


async def begun(engine: Engine, length: int | None = 20, *chunks: bytes) -> Upload:
    """An open upload that has these bytes."""
    return await create(engine.ports, creating(length, body=bool(chunks)), ScriptedBody(*chunks, end=BodyEnd.CUT))


async def test_the_last_bytes_make_the_object(engine: Engine) -> None:
    upload = await begun(engine, 6, b"abc")
    done = await append(engine.ports, upload.id, appending(3, size=3), ScriptedBody(b"de", b"f"))
    assert done.done
    assert engine.stored(done) == b"abcdef"
    assert await engine.record(upload) == done
    assert engine.told.count("finished") == 1


@pytest.mark.parametrize("end", [BodyEnd.CUT, BodyEnd.IDLE, BodyEnd.STOPPED])
async def test_whatever_came_before_a_body_broke_off_is_kept(engine: Engine, end: BodyEnd) -> None:
    upload = await begun(engine, 20)
    moved = await append(engine.ports, upload.id, appending(0, size=20), ScriptedBody(b"0123456789", b"x", end=end))
    assert (moved.offset, moved.phase) == (11, Phase.OPEN)
    assert await engine.record(upload) == moved
    done = await append(engine.ports, upload.id, appending(11), ScriptedBody(b"abcdefghi"))
    assert engine.stored(done) == b"0123456789xabcdefghi"


REFUSED: dict[str, tuple[Append, type[Refusal]]] = {
    "another offset": (appending(2), OffsetMismatch),
    "a second length": (appending(3, length=21), Malformed),
    "a body longer than what is left": (appending(3, size=18), TooLarge),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_a_refused_append_changes_nothing_and_asks_for_no_byte(engine: Engine, case: str) -> None:
    before = await begun(engine, 20, b"abc")
    intent, refusal = REFUSED[case]
    body = ScriptedBody(b"zzz")
    with pytest.raises(refusal):
        await append(engine.ports, before.id, intent, body)
    assert await engine.record(before) == before
    assert not body.asked


async def test_bytes_for_nothing_are_refused(engine: Engine) -> None:
    body = ScriptedBody(b"zzz")
    with pytest.raises(UploadNotFound):
        await append(engine.ports, UploadId("0" * 32), appending(0), body)
    assert not body.asked
    assert await engine.residue() == []


async def test_a_final_upload_takes_no_bytes(engine: Engine) -> None:
    partial = await create(engine.ports, creating(2, kind=Kind.PARTIAL, body=True), ScriptedBody(b"ab"))
    final = await create(engine.ports, joining(partial.id), ScriptedBody())
    with pytest.raises(Forbidden):
        await append(engine.ports, final.id, appending(2), ScriptedBody(b"c"))
    assert engine.stored(final) == b"ab"


async def test_an_expired_upload_takes_no_bytes(engine: Engine) -> None:
    upload = await begun(engine, 20, b"abc")
    engine.now += 100
    with pytest.raises(UploadNotFound):
        await append(engine.ports, upload.id, appending(3), ScriptedBody(b"d"))


@pytest.mark.parametrize("chunks", [(b"123456789", b"x"), (b"12345", b"6789x"), (b"1234", b"5678", b"9", b"x")])
async def test_a_chunked_body_that_is_too_long_never_completes_the_upload(
    engine: Engine, chunks: tuple[bytes, ...]
) -> None:
    before = await begun(engine, 12, b"abc")
    with pytest.raises(TooLarge):
        await append(engine.ports, before.id, appending(3), ScriptedBody(*chunks))
    left = await engine.record(before)
    assert left.phase is Phase.OPEN
    assert left.offset < 12


async def test_a_chunked_body_for_a_full_upload_is_refused_and_an_empty_one_is_fine(engine: Engine) -> None:
    done = await begun(engine, 3, b"abc")
    assert await append(engine.ports, done.id, appending(3), ScriptedBody()) == done
    with pytest.raises(TooLarge):
        await append(engine.ports, done.id, appending(3), ScriptedBody(b"d"))
    assert await engine.record(done) == done
    assert engine.stored(done) == b"abc"


@pytest.mark.parametrize("end", [BodyEnd.COMPLETE, BodyEnd.CUT, BodyEnd.IDLE])
async def test_bytes_without_the_announced_checksum_leave_nothing(engine: Engine, end: BodyEnd) -> None:
    before = await begun(engine, 40, b"abc")
    body = ScriptedBody(b"0123456789", b"0123456789", end=end)
    with pytest.raises(ChecksumMismatch):
        await append(engine.ports, before.id, appending(3, checksum=sha1(b"other")), body)
    assert await engine.record(before) == before


async def test_bytes_with_the_announced_checksum_count_in_one_step(engine: Engine) -> None:
    before = await begun(engine, 40, b"abc")
    body = b"0123456789" * 2
    moved = await append(engine.ports, before.id, appending(3, checksum=sha1(body)), ScriptedBody(body[:10], body[10:]))
    assert (moved.offset, moved.revision) == (23, before.revision + 1)


async def test_a_request_with_a_checksum_that_must_leave_early_is_told_to_ask_again(engine: Engine) -> None:
    before = await begun(engine, 40, b"abc")
    with pytest.raises(UploadLocked):
        await append(
            engine.ports, before.id, appending(3, checksum=sha1(b"x" * 20)), ScriptedBody(b"x", end=BodyEnd.STOPPED)
        )
    assert await engine.record(before) == before


@pytest.mark.parametrize("chunks", [(), (b"ab",), (b"0123456789", b"0123456789")])
async def test_a_declared_length_is_recorded_with_the_bytes(engine: Engine, chunks: tuple[bytes, ...]) -> None:
    upload = await begun(engine, None)
    moved = await append(engine.ports, upload.id, appending(0, length=30), ScriptedBody(*chunks))
    assert (moved.length, moved.offset) == (30, len(b"".join(chunks)))
    assert await engine.record(upload) == moved


async def test_a_length_declared_without_bytes_is_saved_once(engine: Engine) -> None:
    upload = await begun(engine, None, b"abc")
    engine.state.saves.clear()
    await append(engine.ports, upload.id, appending(3, length=30), ScriptedBody())
    await append(engine.ports, upload.id, appending(3, length=30), ScriptedBody())
    assert [saved.length for saved in engine.state.saves] == [30]


async def test_declaring_the_length_it_has_completes_an_upload(engine: Engine) -> None:
    upload = await begun(engine, None, b"abc")
    done = await append(engine.ports, upload.id, appending(3, length=3), ScriptedBody())
    assert done.done
    assert engine.stored(done) == b"abc"


async def test_the_length_of_a_refused_body_is_not_declared(engine: Engine) -> None:
    before = await begun(engine, None, b"abc")
    with pytest.raises(TooLarge):
        await append(engine.ports, before.id, appending(3, length=5), ScriptedBody(b"defg"))
    assert await engine.record(before) == before


async def test_a_storage_that_fails_takes_nothing_back(engine: Engine) -> None:
    upload = await begun(engine, 40)
    engine.storage.fuse.blow(left=1)
    with pytest.raises(StorageUnavailable):
        await append(engine.ports, upload.id, appending(0), ScriptedBody(b"01234567", b"89012345", b"6789"))
    assert (await engine.record(upload)).offset == 8
    done = await append(engine.ports, upload.id, appending(8), ScriptedBody(b"x" * 32))
    assert engine.stored(done) == b"01234567" + b"x" * 32


async def test_a_state_store_that_fails_leaves_what_it_recorded(engine: Engine) -> None:
    upload = await begun(engine, 40)
    engine.state.fuse.blow(left=2)
    with pytest.raises(StateUnavailable):
        await append(engine.ports, upload.id, appending(0, size=40), ScriptedBody(b"01234567", b"89012345"))
    assert (await engine.record(upload)).offset == 8


async def test_the_next_append_asks_the_one_before_to_save_and_leave(engine: Engine) -> None:
    upload = await begun(engine, 10)
    stalled = ScriptedBody(b"abcd", stalls=True)
    first = asyncio.create_task(append(engine.ports, upload.id, appending(0), stalled))
    await stalled.stalled.wait()
    done = await append(engine.ports, upload.id, appending(4), ScriptedBody(b"efghij"))
    assert (await first).offset == 4
    assert stalled.end is BodyEnd.STOPPED
    assert engine.stored(done) == b"abcdefghij"


async def test_bytes_with_a_checksum_are_unproven_until_it_agrees(engine: Engine) -> None:
    upload = await create(engine.ports, creating(6), ScriptedBody())
    await append(engine.ports, upload.id, appending(0, checksum=sha1(b"abc")), ScriptedBody(b"abc"))
    await append(engine.ports, upload.id, appending(3), ScriptedBody(b"def"))
    assert engine.storage.unproven == [True, False]
