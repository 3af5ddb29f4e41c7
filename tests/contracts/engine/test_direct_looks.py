"""Direct uploads: a sweep counts the bytes of the stored parts, and HEAD and GET look for an object sent in one
request."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from tests.support.direct_access import ScriptedAccess
from tests.support.harness import Harness, ScriptedBody
from tests.support.intents import creating
from tusd_py.domain.direct import DirectMode
from tusd_py.domain.errors import StorageUnavailable, UploadLost
from tusd_py.domain.intents import Begin, Read
from tusd_py.domain.phase import Phase
from tusd_py.domain.refusals import (
    NotReady,
    UploadNotFound,
)
from tusd_py.domain.upload import Upload
from tusd_py.engine.create import create
from tusd_py.engine.direct import (
    announce,
    begin,
    check_awaited,
    sign_part,
)
from tusd_py.engine.expiry_sweep import sweep
from tusd_py.engine.lookup import finished, inspect, link

TOO_LONG = "its client has stored more bytes than an upload may have"
PARTS, WHOLE = Begin(mode=DirectMode.PARTS), Begin(mode=DirectMode.WHOLE)


# counted by sweeps


LIFETIME, COUNTED = 30.0, 90.0


@pytest.fixture
async def announced(harness: Harness, access: ScriptedAccess) -> Upload:
    """A direct upload in parts of which 4 bytes are announced and none is stored; it expires after 10,000 seconds."""
    del access
    harness.limit(expire_after=10_000.0)
    return await begin(harness.engine, replace(PARTS, length=4))


async def swept(harness: Harness, seconds: float) -> None:
    harness.now += seconds
    await sweep(harness.engine)


async def test_excess_bytes_are_removed_before_expiry(
    harness: Harness, access: ScriptedAccess, announced: Upload
) -> None:
    """A sweep removes a direct upload whose stored parts have more bytes than were announced, long before the upload
    expires."""
    access.bring(announced, b"ab", b"cde")
    await swept(harness, COUNTED - 1)
    assert (access.listed, (await harness.record(announced)).phase) == (0, Phase.OPEN)
    await swept(harness, 1)
    assert harness.observer.troubles == [("bytes lost", {"upload_id": announced.id, "reason": TOO_LONG})]
    assert await harness.residue() == []


async def test_parts_are_counted_until_signatures_expire(
    harness: Harness, access: ScriptedAccess, announced: Upload
) -> None:
    """While a presigned URL of a part may be valid, a sweep lists the stored parts every 90 seconds: the 30 seconds of
    the URL's lifetime and a minute."""
    access.bring(announced, b"ab", b"cd")
    for _ in range(3 * int(COUNTED)):
        await sign_part(harness.engine, announced.id, access.key(announced), 1, None)
        await swept(harness, 1)
    assert access.listed == 3
    for _ in range(10):
        await swept(harness, COUNTED)
    assert access.listed in (4, 5)
    listings = access.listed
    await sign_part(harness.engine, announced.id, access.key(announced), 1, None)
    access.bring(announced, b"ab", b"cde")
    await swept(harness, COUNTED)
    assert access.listed == listings + 1
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
    assert harness.observer.troubles == [("look failed", {"upload_id": announced.id, "reason": "as told"})]
    await swept(harness, 1)
    assert await harness.residue() == []


async def test_only_a_failed_count_asks_if_the_storage_is_away(
    harness: Harness, access: ScriptedAccess, announced: Upload
) -> None:
    async def ping() -> None:
        raise StorageUnavailable("away")

    harness.storage.ping = ping  # type: ignore[method-assign]
    access.fuse.blow()
    with pytest.raises(StorageUnavailable, match="away"):
        await swept(harness, COUNTED)
    await swept(harness, 1)
    assert (access.listed, (await harness.record(announced)).phase) == (2, Phase.OPEN)


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


async def test_a_whole_direct_upload_is_found_on_access(harness: Harness, access: ScriptedAccess) -> None:
    """The first HEAD or GET after its object has come finishes a direct upload that is sent in one request."""
    for see in (inspect, partial(finished, intent=Read())):
        upload = await announce(harness.engine, WHOLE)
        with pytest.raises((UploadNotFound, NotReady)):
            await see(harness.engine, upload.id)
        harness.storage._objects[upload.id] = b"abc"
        assert harness.stored(await see(harness.engine, upload.id)) == b"abc"
        assert (await harness.record(upload)).length == 3
    assert access.begun_uploads == []


async def test_one_with_more_bytes_than_may_be_is_ended_and_told(harness: Harness, access: ScriptedAccess) -> None:
    limit = access.part_limits.max_length
    accepted, refused = await announce(harness.engine, WHOLE), await announce(harness.engine, WHOLE)
    harness.storage._objects[accepted.id], harness.storage._objects[refused.id] = bytes(limit), bytes(limit + 1)
    assert (await inspect(harness.engine, accepted.id)).done
    with pytest.raises(UploadLost, match=f"^{TOO_LONG}$"):
        await inspect(harness.engine, refused.id)
    assert harness.observer.troubles == [("bytes lost", {"upload_id": refused.id, "reason": TOO_LONG})]
    assert ("terminated", refused.id) in harness.observer.events
    assert refused.id not in harness.storage._objects


async def test_one_longer_than_its_token_allows_is_ended(harness: Harness, access: ScriptedAccess) -> None:
    """The largest length of the credential that announced the upload bounds its object, too."""
    upload = await announce(harness.engine, WHOLE)
    await harness.state.save(replace(upload, max_length=2))
    harness.storage._objects[upload.id] = b"abc"
    with pytest.raises(UploadLost, match=f"^{TOO_LONG}$"):
        await inspect(harness.engine, upload.id)
    del access


async def test_there_is_nothing_to_look_for_where_bytes_come_by_here(harness: Harness, access: ScriptedAccess) -> None:
    upload = await create(harness.engine, creating(3), ScriptedBody())
    harness.storage._objects[upload.id] = b"abc"
    assert await check_awaited(harness.engine, upload) == upload
    assert access.signed == []


async def test_a_link_shows_the_upload_as_asked_for_a_while(harness: Harness, access: ScriptedAccess) -> None:
    upload = await announce(harness.engine, WHOLE)
    headers: dict[str, str] = {"Content-Type": "text/plain"}
    assert await link(harness.engine, upload, headers) == "https://bucket.test/"
    assert access.signed == [(upload.id, headers, harness.engine.limits.download_url_lifetime)]


@pytest.mark.parametrize("intent", [PARTS, WHOLE])
async def test_an_upload_never_sent_expires(harness: Harness, access: ScriptedAccess, intent: Begin) -> None:
    del access
    await (begin if intent is PARTS else announce)(harness.engine, intent)
    harness.now += 1000
    await sweep(harness.engine)
    harness.now += 1000
    await sweep(harness.engine)
    assert await harness.residue() == []
