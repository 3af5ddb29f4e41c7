"""POST, in words, and final uploads."""

from __future__ import annotations

import pytest

from tests.support.engine import Engine, ScriptedBody
from tests.support.intents import creating, joining, sha1
from tusd_py.engine.create import create
from tusd_py.engine.lookup import inspect
from tusd_py.engine.sweep import sweep
from tusd_py.errors import StateUnavailable, StorageUnavailable, UploadLost
from tusd_py.model import Kind, Phase, Upload, UploadId
from tusd_py.pipeline.body import BodyEnd
from tusd_py.protocol.intents import Create
from tusd_py.protocol.refusals import ChecksumMismatch, Malformed, TooLarge


async def test_a_new_upload_asks_the_storage_for_nothing(engine: Engine) -> None:
    engine.storage.fuse.blow()
    upload = await create(engine.ports, creating(10), ScriptedBody())
    assert (upload.offset, upload.phase) == (0, Phase.OPEN)
    assert await engine.residue() == [upload.id]


async def test_an_empty_upload_is_done_at_once(engine: Engine) -> None:
    upload = await create(engine.ports, creating(0), ScriptedBody())
    assert upload.done
    assert engine.stored(upload) == b""


async def test_a_first_body_that_breaks_off_is_kept(engine: Engine) -> None:
    upload = await create(engine.ports, creating(10, body=True), ScriptedBody(b"abc", end=BodyEnd.CUT))
    assert await inspect(engine.ports, upload.id) == upload
    assert upload.offset == 3


@pytest.mark.parametrize(
    ("length", "body", "checksum", "refusal"),
    [
        (4, b"abcdefghijkl", None, TooLarge),
        (20, b"abcdefghijkl", b"other", ChecksumMismatch),
        (0, b"a", None, TooLarge),
    ],
)
async def test_a_refused_first_body_leaves_no_upload(
    engine: Engine, length: int, body: bytes, checksum: bytes | None, refusal: type[Exception]
) -> None:
    intent = creating(length, body=True, checksum=None if checksum is None else sha1(checksum))
    with pytest.raises(refusal):
        await create(engine.ports, intent, ScriptedBody(body))
    assert await engine.residue() == []


async def test_an_upload_that_could_not_be_recorded_as_made_is_removed_twice_if_its_object_may_come_anew(
    engine: Engine,
) -> None:
    engine.storage.troubled = True
    engine.state.fuse.blow(left=2)  # after the creation and the look for entries
    with pytest.raises(StateUnavailable):
        await create(engine.ports, creating(0), ScriptedBody())
    (only,) = await engine.state.list(None, 10)
    assert only.phase is Phase.TERMINATING
    engine.storage._objects[only.id] = b""
    engine.now += 31
    await sweep(engine.ports)
    assert await engine.residue() == []


@pytest.mark.parametrize("left", range(2))
async def test_a_storage_that_fails_leaves_no_upload(engine: Engine, left: int) -> None:
    engine.storage.fuse.blow(left)
    with pytest.raises(StorageUnavailable):
        await create(engine.ports, creating(16, body=True), ScriptedBody(b"01234567", b"01234567"))
    await late(engine)
    assert await engine.residue() == []


async def test_a_state_store_that_fails_leaves_no_upload(engine: Engine) -> None:
    engine.state.fuse.blow(left=1)
    with pytest.raises(StateUnavailable):
        await create(engine.ports, creating(16, body=True), ScriptedBody(b"01234567", b"01234567"))
    await late(engine)
    assert await engine.residue() == []


async def late(engine: Engine) -> None:
    """What may still come about by itself has done so, and sweeps have seen to it."""
    engine.now += 31
    await sweep(engine.ports)


async def partial(engine: Engine, data: bytes) -> Upload:
    return await create(engine.ports, creating(len(data), kind=Kind.PARTIAL, body=True), ScriptedBody(data))


async def test_a_final_upload_is_its_partials_in_order(engine: Engine) -> None:
    first, second = await partial(engine, b"abc"), await partial(engine, b"de")
    final = await create(engine.ports, joining(second.id, first.id, second.id), ScriptedBody())
    assert final.done
    assert (final.offset, final.length) == (7, 7)
    assert engine.stored(final) == b"deabcde"


async def test_a_partial_that_is_named_too_often_is_neither_loaded_nor_copied(engine: Engine) -> None:
    """However it is named."""
    engine.limit(max_partial_uses=2)
    first = await partial(engine, b"abc")
    engine.state.fuse.blow()
    urls = (first.id, f"/files/{first.id}", f"https://example.org/files/{first.id}")
    with pytest.raises(Malformed, match="more than 2 times"):
        await create(engine.ports, Create(kind=Kind.FINAL, partials=urls), ScriptedBody())
    engine.state.fuse.mend()
    assert await engine.residue() == [first.id, first.id]


async def test_an_upload_that_is_not_there_or_not_finished_joins_nothing(engine: Engine) -> None:
    unfinished = await create(engine.ports, creating(9, kind=Kind.PARTIAL), ScriptedBody())
    for other in (unfinished.id, UploadId("f" * 32)):
        with pytest.raises(Malformed):
            await create(engine.ports, joining(other), ScriptedBody())
    assert await engine.residue() == [unfinished.id]


async def test_a_final_upload_whose_partial_lost_its_bytes_is_not_made(engine: Engine) -> None:
    first = await partial(engine, b"abc")
    engine.storage._objects.clear()
    with pytest.raises(UploadLost):
        await create(engine.ports, joining(first.id), ScriptedBody())
    await late(engine)
    assert await engine.residue() == [first.id]
