"""Uploads that go straight to the storage: what is signed, how they end, and what an old signature can't do."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from tests.support.direct_access import ScriptedAccess, direct
from tests.support.harness import Harness, ScriptedBody
from tests.support.intents import creating, naming
from tusd_py.domain.direct import DirectMode, DirectPart
from tusd_py.domain.errors import StorageUnavailable, Superseded, Unavailable, UploadLost
from tusd_py.domain.intents import Begin, Read
from tusd_py.domain.phase import Phase
from tusd_py.domain.refusals import (
    AlreadyComplete,
    NotReady,
    StoreFull,
    TooLarge,
    UnsupportedExtension,
    UploadNotFound,
    WrongParts,
)
from tusd_py.domain.upload import Upload
from tusd_py.engine.create import create
from tusd_py.engine.direct import (
    abort,
    announce,
    begin,
    check_awaited,
    complete,
    open_parts,
    parts,
    sign_part,
    sign_whole,
)
from tusd_py.engine.expiry_sweep import sweep
from tusd_py.engine.lookup import finished, inspect, link

TOO_LONG = "its client has stored more bytes than an upload may have"
PARTS, WHOLE = Begin(mode=DirectMode.PARTS), Begin(mode=DirectMode.WHOLE)


@pytest.fixture
def access(harness: Harness) -> ScriptedAccess:
    return direct(harness)


@pytest.fixture
async def upload(harness: Harness, access: ScriptedAccess) -> Upload:
    """Ready for parts."""
    del access
    return await begin(harness.engine, PARTS)


async def test_without_a_storage_that_clients_reach_there_are_none(harness: Harness) -> None:
    with pytest.raises(UnsupportedExtension, match=r"^this server's storage can't be reached by clients$"):
        await announce(harness.engine, PARTS)
    assert await harness.residue() == []


async def test_a_new_one_is_recorded_and_told_before_the_storage_is_asked(
    harness: Harness, access: ScriptedAccess
) -> None:
    upload = await announce(harness.engine, replace(PARTS, length=7, metadata={"name": b"x"}))
    assert upload == await harness.record(upload)
    assert (upload.length, upload.metadata, upload.phase) == (7, {"name": b"x"}, Phase.OPEN)
    assert (upload.times.created_at, upload.times.expires_at) == (harness.now, harness.now + 100)
    assert harness.told.events == [("created", upload.id)]
    assert access.begun == []


async def test_where_there_is_no_room_there_is_no_new_one(harness: Harness, access: ScriptedAccess) -> None:
    harness.engine.free_space.full.add("storage")
    with pytest.raises(StoreFull):
        await begin(harness.engine, PARTS)
    assert (await harness.residue(), access.begun) == ([], [])


async def test_more_than_the_storage_takes_in_one_request_is_refused(harness: Harness, access: ScriptedAccess) -> None:
    with pytest.raises(TooLarge):
        await announce(harness.engine, replace(WHOLE, length=access.part_limits.max_length + 1))


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
    assert access.begun[-1].metadata == opened.metadata


async def test_a_signature_is_for_one_upload_one_part_its_length_and_a_while(
    harness: Harness, access: ScriptedAccess, upload: Upload
) -> None:
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


async def test_a_client_that_is_at_work_keeps_its_upload_from_expiring_at_a_save_a_minute(
    harness: Harness, access: ScriptedAccess, upload: Upload
) -> None:
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


async def test_one_that_another_holds_is_signed_for_without_waiting_or_asking_it_to_leave(
    harness: Harness, access: ScriptedAccess, upload: Upload
) -> None:
    asked = list[str]()
    harness.now += 61
    async with harness.locker.hold(upload.id, on_release_request=lambda: asked.append("to leave"), wait=0):
        await sign_part(harness.engine, upload.id, access.key(upload), 1, 7)
    assert asked == []


async def test_one_that_has_moved_on_meanwhile_is_signed_for_all_the_same(
    harness: Harness, access: ScriptedAccess, upload: Upload
) -> None:
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
    named = access.bring(upload, b"abc", b"d")
    done = await complete(harness.engine, upload.id, access.key(upload), naming(named))
    assert harness.stored(done) == b"abcd"
    assert [entry["etag"] for entry in await harness.state.entries(upload.id)] == ["e1", "e2"]
    assert await complete(harness.engine, upload.id, access.key(upload), naming(named)) == done


async def test_parts_that_are_not_there_change_nothing(
    harness: Harness, access: ScriptedAccess, upload: Upload
) -> None:
    named = access.bring(upload, b"abc", b"d")
    with pytest.raises(WrongParts):
        await complete(harness.engine, upload.id, access.key(upload), naming(named[:1]))
    with pytest.raises(WrongParts):
        await complete(harness.engine, upload.id, access.key(upload), naming(access.bring(upload, b"a", b"d")))
    assert await harness.record(upload) == upload


async def test_one_with_more_bytes_than_were_announced_has_ended_once_it_is_to_be_complete(
    harness: Harness, access: ScriptedAccess
) -> None:
    upload = await begin(harness.engine, replace(PARTS, length=3))
    named = access.bring(upload, b"ab", b"cd")
    with pytest.raises(TooLarge):
        await complete(harness.engine, upload.id, access.key(upload), naming(named))
    assert harness.told.events[-1] == ("terminated", upload.id)
    assert harness.told.troubles == [("bytes lost", {"upload_id": upload.id, "reason": TOO_LONG})]
    assert await harness.residue() == []
    with pytest.raises(UploadNotFound):
        await complete(harness.engine, upload.id, access.key(upload), naming(named))


async def test_without_its_parts_it_may_have_its_object(
    harness: Harness, access: ScriptedAccess, upload: Upload
) -> None:
    named = access.bring(upload, b"abc")
    harness.storage._objects[upload.id] = b"abc"
    del access.parts[upload.id]
    done = await complete(harness.engine, upload.id, access.key(upload), naming(named))
    assert (done.phase, done.offset, done.length) == (Phase.DONE, 3, 3)


async def test_without_parts_and_object_it_is_not_complete(
    harness: Harness, access: ScriptedAccess, upload: Upload
) -> None:
    named = access.bring(upload, b"abc")
    del access.parts[upload.id]
    with pytest.raises(Unavailable):
        await complete(harness.engine, upload.id, access.key(upload), naming(named))
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
    assert harness.told.events[-1] == ("terminated", upload.id)


async def test_another_key_is_about_no_upload(harness: Harness, access: ScriptedAccess, upload: Upload) -> None:
    other = access.key(await begin(harness.engine, PARTS))
    named = access.bring(upload, b"abc")
    for attempt in (
        sign_part(harness.engine, upload.id, other, 1, 1),
        parts(harness.engine, upload.id, other),
        open_parts(harness.engine, upload.id, other, {}),
        complete(harness.engine, upload.id, other, naming(named)),
        abort(harness.engine, upload.id, other),
    ):
        with pytest.raises(UploadNotFound):
            await attempt


# counted by sweeps


LIFETIME, COUNTED = 30.0, 90.0


@pytest.fixture
async def announced(harness: Harness, access: ScriptedAccess) -> Upload:
    """Of four bytes, ready for parts; it takes long to expire."""
    del access
    harness.limit(expire_after=10_000.0)
    return await begin(harness.engine, replace(PARTS, length=4))


async def swept(harness: Harness, seconds: float) -> None:
    harness.now += seconds
    await sweep(harness.engine)


async def test_more_than_was_announced_is_found_and_removed_long_before_it_expires(
    harness: Harness, access: ScriptedAccess, announced: Upload
) -> None:
    access.bring(announced, b"ab", b"cde")
    await swept(harness, COUNTED - 1)
    assert (access.listed, (await harness.record(announced)).phase) == (0, Phase.OPEN)
    await swept(harness, 1)
    assert harness.told.troubles == [("bytes lost", {"upload_id": announced.id, "reason": TOO_LONG})]
    assert await harness.residue() == []


async def test_parts_are_counted_as_long_as_what_is_signed_for_them_holds(
    harness: Harness, access: ScriptedAccess, announced: Upload
) -> None:
    """At one request to the storage for each time that a signature lives."""
    access.bring(announced, b"ab", b"cd")
    for _ in range(3 * int(COUNTED)):
        await sign_part(harness.engine, announced.id, access.key(announced), 1, None)
        await swept(harness, 1)
    assert access.listed == 3
    for _ in range(10):
        await swept(harness, COUNTED)
    assert access.listed in (4, 5)
    seen = access.listed
    await sign_part(harness.engine, announced.id, access.key(announced), 1, None)
    access.bring(announced, b"ab", b"cde")
    await swept(harness, COUNTED)
    assert access.listed == seen + 1
    assert await harness.residue() == []


async def test_to_be_counted_keeps_nothing_from_expiring(harness: Harness, access: ScriptedAccess) -> None:
    upload = await begin(harness.engine, replace(PARTS, length=4))
    await swept(harness, COUNTED)
    assert (access.listed, (await harness.record(upload)).times.expires_at) == (1, upload.times.expires_at)
    await swept(harness, 11)
    assert await harness.residue() == []


async def test_a_storage_that_is_away_is_asked_again(
    harness: Harness, access: ScriptedAccess, announced: Upload
) -> None:
    access.bring(announced, b"ab", b"cde")
    access.fuse.blow()
    await swept(harness, COUNTED)
    assert harness.told.troubles == [("look failed", {"upload_id": announced.id, "reason": "as told"})]
    await swept(harness, 1)
    assert await harness.residue() == []


async def test_parts_that_are_gone_are_told_to_their_client(
    harness: Harness, access: ScriptedAccess, announced: Upload
) -> None:
    del access.parts[announced.id]
    await swept(harness, COUNTED)
    assert (await harness.record(announced)).phase is Phase.OPEN
    for _ in range(3):
        await swept(harness, COUNTED)
    assert access.listed == 1


async def test_what_announced_no_size_is_not_counted(harness: Harness, access: ScriptedAccess, upload: Upload) -> None:
    harness.limit(expire_after=10_000.0)
    access.bring(upload, b"ab", b"cde")
    await sign_part(harness.engine, upload.id, access.key(upload), 1, None)
    await swept(harness, 99)
    assert access.listed == 0


# in one request


async def test_one_that_was_brought_in_one_request_is_found_by_whoever_looks(
    harness: Harness, access: ScriptedAccess
) -> None:
    for see in (inspect, partial(finished, intent=Read())):
        upload = await announce(harness.engine, WHOLE)
        with pytest.raises((UploadNotFound, NotReady)):
            await see(harness.engine, upload.id)
        harness.storage._objects[upload.id] = b"abc"
        assert harness.stored(await see(harness.engine, upload.id)) == b"abc"
        assert (await harness.record(upload)).length == 3
    assert access.begun == []


async def test_one_with_more_bytes_than_may_be_is_ended_and_told(harness: Harness, access: ScriptedAccess) -> None:
    most = access.part_limits.max_length
    taken, refused = await announce(harness.engine, WHOLE), await announce(harness.engine, WHOLE)
    harness.storage._objects[taken.id], harness.storage._objects[refused.id] = bytes(most), bytes(most + 1)
    assert (await inspect(harness.engine, taken.id)).done
    with pytest.raises(UploadLost, match=f"^{TOO_LONG}$"):
        await inspect(harness.engine, refused.id)
    assert harness.told.troubles == [("bytes lost", {"upload_id": refused.id, "reason": TOO_LONG})]
    assert ("terminated", refused.id) in harness.told.events
    assert refused.id not in harness.storage._objects


async def test_there_is_nothing_to_look_for_where_bytes_come_by_here(harness: Harness, access: ScriptedAccess) -> None:
    upload = await create(harness.engine, creating(3), ScriptedBody())
    harness.storage._objects[upload.id] = b"abc"
    assert await check_awaited(harness.engine, upload) == upload
    assert access.signed == []


async def test_a_link_shows_the_upload_as_asked_for_a_while(harness: Harness, access: ScriptedAccess) -> None:
    upload = await announce(harness.engine, WHOLE)
    shown: dict[str, str] = {"Content-Type": "text/plain"}
    assert await link(harness.engine, upload, shown) == "https://bucket.test/"
    assert access.signed == [(upload.id, shown, harness.engine.limits.download_url_lifetime)]


@pytest.mark.parametrize("intent", [PARTS, WHOLE])
async def test_what_nobody_brings_expires(harness: Harness, access: ScriptedAccess, intent: Begin) -> None:
    del access
    await (begin if intent is PARTS else announce)(harness.engine, intent)
    harness.now += 1000
    await sweep(harness.engine)
    harness.now += 1000
    await sweep(harness.engine)
    assert await harness.residue() == []
