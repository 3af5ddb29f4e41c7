"""Creations (POST) by the engine, on each state, among them final uploads."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.contracts.engine.test_allowances import acting
from tests.support.harness import Harness, ScriptedBody
from tests.support.intents import creating, joining, sha1
from tusd_py.domain.checkpoint import Finished
from tusd_py.domain.errors import StateUnavailable, StorageUnavailable, UploadLost
from tusd_py.domain.events import Reason
from tusd_py.domain.intents import Create
from tusd_py.domain.phase import Phase
from tusd_py.domain.refusals import ChecksumMismatch, Malformed, TooLarge
from tusd_py.domain.upload import Kind, Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.engine.create import create
from tusd_py.engine.expiry_sweep import sweep
from tusd_py.engine.lookup import inspect
from tusd_py.engine.terminate import terminate
from tusd_py.ports.body import BodyEnd


async def test_a_final_upload_joins_what_has_the_whole_name(harness: Harness) -> None:
    """A final upload finds a partial one by its whole name: if the endpoint's path is `/`, `videos/one` isn't `one`."""
    harness.engine = replace(harness.engine, base_path="/")
    for name, content in (("videos/one", b"abc"), ("one", b"xyz")):
        engine = acting(harness, name=name)
        await create(engine, creating(3, kind=Kind.PARTIAL, body=True), ScriptedBody(content))
    intent = Create(kind=Kind.FINAL, partials=("http://h/videos/one",))
    assert harness.stored(await create(harness.engine, intent, ScriptedBody())) == b"abc"
    with pytest.raises(Malformed):
        await create(harness.engine, replace(intent, partials=("http://h/other/one",)), ScriptedBody())


async def test_a_new_upload_asks_the_storage_for_nothing(harness: Harness) -> None:
    harness.storage.fuse.blow()
    upload = await create(harness.engine, creating(10), ScriptedBody())
    assert (upload.offset, upload.phase) == (0, Phase.OPEN)
    assert await harness.residue() == [upload.id]


async def test_an_empty_upload_is_done_at_once(harness: Harness) -> None:
    upload = await create(harness.engine, creating(0), ScriptedBody())
    assert upload.done
    assert harness.stored(upload) == b""


async def test_a_first_body_that_breaks_off_is_kept(harness: Harness) -> None:
    upload = await create(harness.engine, creating(10, body=True), ScriptedBody(b"abc", end=BodyEnd.CUT))
    assert await inspect(harness.engine, upload.id) == upload
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
    harness: Harness, length: int, body: bytes, checksum: bytes | None, refusal: type[Exception]
) -> None:
    intent = creating(length, body=True, checksum=None if checksum is None else sha1(checksum))
    with pytest.raises(refusal):
        await create(harness.engine, intent, ScriptedBody(body))
    assert await harness.residue() == []


async def test_an_unrecorded_creation_is_discarded_twice(
    harness: Harness,
) -> None:
    """An upload whose finish could not be recorded is discarded, and again by a sweep, as its object may still land."""
    harness.storage.troubled = True
    harness.state.fuse.blow(after=2)  # after the creation and the look for entries
    with pytest.raises(StateUnavailable):
        await create(harness.engine, creating(0), ScriptedBody())
    (only,) = await harness.state.list(None, 10)
    assert only.phase is Phase.TERMINATING
    harness.storage._objects[only.id] = b""
    harness.now += 31
    await sweep(harness.engine)
    assert await harness.residue() == []


@pytest.mark.parametrize("calls", range(2))
async def test_a_storage_that_fails_leaves_no_upload(harness: Harness, calls: int) -> None:
    harness.storage.fuse.blow(calls)
    with pytest.raises(StorageUnavailable):
        await create(harness.engine, creating(16, body=True), ScriptedBody(b"01234567", b"01234567"))
    await late(harness)
    assert await harness.residue() == []


async def test_a_state_store_that_fails_leaves_no_upload(harness: Harness) -> None:
    harness.state.fuse.blow(after=1)
    with pytest.raises(StateUnavailable):
        await create(harness.engine, creating(16, body=True), ScriptedBody(b"01234567", b"01234567"))
    await late(harness)
    assert await harness.residue() == []


async def late(harness: Harness) -> None:
    """Set the clock 31 seconds forward and sweep, so that objects that landed late are removed."""
    harness.now += 31
    await sweep(harness.engine)


async def partial(harness: Harness, data: bytes) -> Upload:
    return await create(harness.engine, creating(len(data), kind=Kind.PARTIAL, body=True), ScriptedBody(data))


async def test_a_final_upload_is_its_partials_in_order(harness: Harness) -> None:
    first, second = await partial(harness, b"abc"), await partial(harness, b"de")
    final = await create(harness.engine, joining(second.id, first.id, second.id), ScriptedBody())
    assert final.done
    assert (final.offset, final.length) == (7, 7)
    assert harness.stored(final) == b"deabcde"


async def test_a_partial_repeated_too_often_is_not_loaded(harness: Harness) -> None:
    """A join that names a partial upload too often, in any spelling, is refused before the partial upload is loaded or
    copied."""
    harness.limit(max_partial_uses=2)
    first = await partial(harness, b"abc")
    harness.state.fuse.blow()
    urls = (first.id, f"/files/{first.id}", f"https://example.org/files/{first.id}")
    with pytest.raises(Malformed, match="more than 2 times"):
        await create(harness.engine, Create(kind=Kind.FINAL, partials=urls), ScriptedBody())
    harness.state.fuse.mend()
    assert await harness.residue() == [first.id, first.id]


async def test_only_finished_partials_can_be_joined(harness: Harness) -> None:
    """An upload that doesn't exist or isn't finished can't be joined."""
    unfinished = await create(harness.engine, creating(9, kind=Kind.PARTIAL), ScriptedBody())
    for partial_id in (unfinished.id, UploadId("f" * 32)):
        with pytest.raises(Malformed):
            await create(harness.engine, joining(partial_id), ScriptedBody())
    assert await harness.residue() == [unfinished.id]


async def test_a_final_upload_whose_partial_lost_its_bytes_is_not_made(harness: Harness) -> None:
    first = await partial(harness, b"abc")
    harness.storage._objects.clear()
    with pytest.raises(Malformed, match="not here any more"):
        await create(harness.engine, joining(first.id), ScriptedBody())
    await late(harness)
    assert await harness.residue() == [first.id]


async def test_a_partial_may_expire_during_the_join(harness: Harness) -> None:
    """A creation whose partial upload expires during the join raises Malformed, not UploadLost, and leaves nothing."""
    first, plan = await partial(harness, b"abc"), harness.storage.concatenate

    async def after_its_time(*_: object) -> Finished:
        await terminate(harness.engine, first.id, Reason.EXPIRED)
        raise UploadLost(first.id)

    harness.storage.concatenate = after_its_time  # type: ignore[assignment,method-assign]
    with pytest.raises(Malformed, match="not here any more"):
        await create(harness.engine, joining(first.id), ScriptedBody())
    harness.storage.concatenate = plan  # type: ignore[method-assign]
    await late(harness)
    assert await harness.residue() == []
