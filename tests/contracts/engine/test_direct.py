"""Uploads that go straight to the storage: how they begin, what is signed for their clients, and how they are completed
or ended."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.direct_access import ScriptedAccess
from tests.support.harness import Harness
from tests.support.intents import naming
from tusd_py.domain.direct import DirectMode, DirectPart
from tusd_py.domain.errors import StorageUnavailable, Superseded, Unavailable
from tusd_py.domain.intents import Begin
from tusd_py.domain.phase import Phase
from tusd_py.domain.refusals import (
    AlreadyComplete,
    StoreFull,
    TooLarge,
    TypeNotAllowed,
    UnsupportedExtension,
    UploadNotFound,
    WrongParts,
)
from tusd_py.domain.upload import Upload
from tusd_py.engine.direct import (
    abort,
    announce,
    begin,
    complete,
    open_parts,
    parts,
    sign_part,
    sign_whole,
)
from tusd_py.engine.expiry_sweep import sweep

TOO_LONG = "its client has stored more bytes than an upload may have"
PARTS, WHOLE = Begin(mode=DirectMode.PARTS), Begin(mode=DirectMode.WHOLE)


async def test_without_a_storage_that_clients_reach_there_are_none(harness: Harness) -> None:
    with pytest.raises(UnsupportedExtension, match=r"^this server's storage can't be reached by clients$"):
        await announce(harness.engine, PARTS)
    assert await harness.residue() == []


async def test_a_direct_upload_is_recorded_before_storage(harness: Harness, access: ScriptedAccess) -> None:
    """A new direct upload is recorded and reported before the storage gets a request."""
    upload = await announce(harness.engine, replace(PARTS, length=7, metadata={"name": b"x"}))
    assert upload == await harness.record(upload)
    assert (upload.length, upload.metadata, upload.phase) == (7, {"name": b"x"}, Phase.OPEN)
    assert (upload.times.created_at, upload.times.expires_at) == (harness.now, harness.now + 100)
    assert harness.observer.events == [("created", upload.id)]
    assert access.begun_uploads == []


async def test_where_there_is_no_room_there_is_no_new_one(harness: Harness, access: ScriptedAccess) -> None:
    harness.engine.free_space.full.add("storage")
    with pytest.raises(StoreFull):
        await begin(harness.engine, PARTS)
    assert (await harness.residue(), access.begun_uploads) == ([], [])


async def test_more_than_the_storage_takes_in_one_request_is_refused(harness: Harness, access: ScriptedAccess) -> None:
    with pytest.raises(TooLarge):
        await announce(harness.engine, replace(WHOLE, length=access.part_limits.max_length + 1))


async def test_one_that_is_begun_declares_its_type_then(harness: Harness, access: ScriptedAccess) -> None:
    """With `allowed-types`, a direct upload whose multipart upload is started by the request that creates it needs an
    allowed type in that request."""
    harness.limit(allowed_types=("image/*",))
    with pytest.raises(TypeNotAllowed):
        await begin(harness.engine, PARTS)
    assert (await harness.residue(), access.begun_uploads) == ([], [])
    await begin(harness.engine, replace(PARTS, metadata={"filetype": b"image/png"}))


async def test_one_that_could_not_be_begun_leaves_nothing(harness: Harness, access: ScriptedAccess) -> None:
    access.fuse.blow()
    with pytest.raises(StorageUnavailable):
        await begin(harness.engine, PARTS)
    harness.now += 60  # what got no answer is looked for first
    await sweep(harness.engine)
    assert await harness.residue() == []


async def test_a_beginning_without_an_answer_is_remembered_as_trouble(harness: Harness, access: ScriptedAccess) -> None:
    announced = await announce(harness.engine, PARTS)
    harness.now += 5
    access.fuse.blow()
    with pytest.raises(StorageUnavailable):
        await open_parts(harness.engine, announced.id, access.key(announced), {})
    assert (await harness.record(announced)).troubled_at == harness.now
    before, harness.now = harness.now, harness.now + 5
    opened = await open_parts(harness.engine, announced.id, access.key(announced), {})
    assert (opened.troubled_at, opened.cursor) == (before, {"begun": announced.id})
    access.troubled = True
    assert (await open_parts(harness.engine, announced.id, access.key(announced), {})).troubled_at == harness.now


async def test_what_was_not_known_before_is_added_and_what_was_is_kept(
    harness: Harness, access: ScriptedAccess
) -> None:
    announced = await announce(harness.engine, replace(PARTS, metadata={"name": b"x"}))
    opened = await open_parts(harness.engine, announced.id, access.key(announced), {"name": b"y", "type": b"z"})
    assert opened.metadata == {"name": b"x", "type": b"z"}
    assert access.begun_uploads[-1].metadata == opened.metadata


async def test_a_signature_is_bounded(harness: Harness, access: ScriptedAccess, upload: Upload) -> None:
    """A signature for a part is for one upload, one number, a lifetime, and the part's length if that is known; a
    number or a length that the upload can't have raises WrongParts."""
    await sign_part(harness.engine, upload.id, access.key(upload), 3, 7)
    announced = await begin(harness.engine, replace(PARTS, length=7))
    await sign_part(harness.engine, announced.id, access.key(announced), 4, None)
    assert access.signed == [(upload.id, 3, 7, 30.0), (announced.id, 4, 1, 30.0)]
    with pytest.raises(WrongParts):
        await sign_part(harness.engine, upload.id, access.key(upload), 11, 7)
    with pytest.raises(WrongParts):
        await sign_part(harness.engine, upload.id, access.key(upload), 1, 21)


@pytest.mark.parametrize("form", [False, True])
async def test_one_request_is_signed_up_to_what_may_come(harness: Harness, access: ScriptedAccess, form: bool) -> None:  # noqa: FBT001
    upload = await announce(harness.engine, WHOLE)
    await sign_whole(harness.engine, upload, form=form)
    assert access.signed == [(upload.id, 20, 30.0, form)]
    await sign_whole(harness.engine, replace(upload, max_length=7), form=form)
    assert access.signed[1:] == [(upload.id, 7, 30.0, form)]


async def test_signing_extends_the_expiry_once_a_minute(
    harness: Harness, access: ScriptedAccess, upload: Upload
) -> None:
    """Signing or listing parts for a client postpones the upload's expiry, with at most one save a minute."""
    harness.state.saves.clear()
    key = access.key(upload)
    for act in (lambda: sign_part(harness.engine, upload.id, key, 1, 7), lambda: parts(harness.engine, upload.id, key)):
        harness.now += 60
        await act()
        assert harness.state.saves == []
        harness.now += 0.5
        await act()
        await act()
        (saved,) = harness.state.saves
        assert saved.times.expires_at == harness.now + 100
        harness.state.saves.clear()


async def test_signing_needs_no_lock(harness: Harness, access: ScriptedAccess, upload: Upload) -> None:
    """A part of a locked upload is signed without waiting for the lock, and the lock's holder isn't asked to leave."""
    release_requests = list[str]()
    harness.now += 61
    async with harness.locker.hold(upload.id, on_release_request=lambda: release_requests.append("to leave"), wait=0):
        await sign_part(harness.engine, upload.id, access.key(upload), 1, 7)
    assert release_requests == []


async def test_a_superseded_expiry_still_signs(harness: Harness, access: ScriptedAccess, upload: Upload) -> None:
    """A part is signed although the save that postpones the upload's expiry is refused, as another node saved the
    record meanwhile (Superseded)."""
    harness.now += 61
    save = harness.state.save

    async def late(*_: object, **__: object) -> Upload:
        harness.state.save = save  # type: ignore[method-assign]
        raise Superseded

    harness.state.save = late  # type: ignore[method-assign]
    await sign_part(harness.engine, upload.id, access.key(upload), 1, 7)
    assert len(access.signed) == 1


async def test_the_newest_of_each_part_is_told(harness: Harness, access: ScriptedAccess, upload: Upload) -> None:
    old, new = (DirectPart(number=1, etag=etag, length=3) for etag in ("old", "new"))
    access.parts[upload.id] = [old, new]
    assert await parts(harness.engine, upload.id, access.key(upload)) == [new]


async def test_named_parts_become_the_object(harness: Harness, access: ScriptedAccess, upload: Upload) -> None:
    named_parts = access.bring(upload, b"abc", b"d")
    done = await complete(harness.engine, upload.id, access.key(upload), naming(named_parts))
    assert harness.stored(done) == b"abcd"
    assert [entry["etag"] for entry in await harness.state.entries(upload.id)] == ["e1", "e2"]
    assert await complete(harness.engine, upload.id, access.key(upload), naming(named_parts)) == done


async def test_parts_that_are_not_there_change_nothing(
    harness: Harness, access: ScriptedAccess, upload: Upload
) -> None:
    named_parts = access.bring(upload, b"abc", b"d")
    with pytest.raises(WrongParts):
        await complete(harness.engine, upload.id, access.key(upload), naming(named_parts[:1]))
    with pytest.raises(WrongParts):
        await complete(harness.engine, upload.id, access.key(upload), naming(access.bring(upload, b"a", b"d")))
    assert await harness.record(upload) == upload


async def test_excess_bytes_end_the_upload_on_complete(harness: Harness, access: ScriptedAccess) -> None:
    """A direct upload with more bytes than were announced ends when its client completes it."""
    upload = await begin(harness.engine, replace(PARTS, length=3))
    named_parts = access.bring(upload, b"ab", b"cd")
    with pytest.raises(TooLarge):
        await complete(harness.engine, upload.id, access.key(upload), naming(named_parts))
    assert harness.observer.events[-1] == ("terminated", upload.id)
    assert harness.observer.troubles == [("bytes lost", {"upload_id": upload.id, "reason": TOO_LONG})]
    assert await harness.residue() == []
    with pytest.raises(UploadNotFound):
        await complete(harness.engine, upload.id, access.key(upload), naming(named_parts))


async def test_without_its_parts_it_may_have_its_object(
    harness: Harness, access: ScriptedAccess, upload: Upload
) -> None:
    named_parts = access.bring(upload, b"abc")
    harness.storage._objects[upload.id] = b"abc"
    del access.parts[upload.id]
    done = await complete(harness.engine, upload.id, access.key(upload), naming(named_parts))
    assert (done.phase, done.offset, done.length) == (Phase.DONE, 3, 3)


async def test_without_parts_and_object_it_is_not_complete(
    harness: Harness, access: ScriptedAccess, upload: Upload
) -> None:
    named_parts = access.bring(upload, b"abc")
    del access.parts[upload.id]
    with pytest.raises(Unavailable):
        await complete(harness.engine, upload.id, access.key(upload), naming(named_parts))
    assert (await harness.record(upload)).phase is Phase.OPEN


async def test_what_is_complete_takes_no_parts_and_is_not_aborted(
    harness: Harness, access: ScriptedAccess, upload: Upload
) -> None:
    key = access.key(upload)
    done = await complete(harness.engine, upload.id, key, naming(access.bring(upload, b"abc")))
    for attempt in (
        sign_part(harness.engine, upload.id, key, 1, 1),
        parts(harness.engine, upload.id, key),
        open_parts(harness.engine, upload.id, key, {}),
        abort(harness.engine, upload.id, key),
    ):
        with pytest.raises(AlreadyComplete):
            await attempt
    assert await harness.record(upload) == done


async def test_an_aborted_one_is_told_and_leaves_nothing(
    harness: Harness, access: ScriptedAccess, upload: Upload
) -> None:
    access.bring(upload, b"abc")
    await abort(harness.engine, upload.id, access.key(upload))
    assert await harness.residue() == []
    assert harness.observer.events[-1] == ("terminated", upload.id)


async def test_another_key_is_about_no_upload(harness: Harness, access: ScriptedAccess, upload: Upload) -> None:
    other_key = access.key(await begin(harness.engine, PARTS))
    named_parts = access.bring(upload, b"abc")
    for attempt in (
        sign_part(harness.engine, upload.id, other_key, 1, 1),
        parts(harness.engine, upload.id, other_key),
        open_parts(harness.engine, upload.id, other_key, {}),
        complete(harness.engine, upload.id, other_key, naming(named_parts)),
        abort(harness.engine, upload.id, other_key),
    ):
        with pytest.raises(UploadNotFound):
            await attempt
