"""Quotas: a declared length is reserved at creation, counts as stored once finished, and is given back at each end."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from tests.support.direct_access import ScriptedAccess
from tests.support.harness import Harness, ScriptedBody
from tests.support.intents import appending, creating, joining, naming
from tusd_py.domain.access_refusals import OverQuota
from tusd_py.domain.caller import Caller
from tusd_py.domain.direct import DirectMode
from tusd_py.domain.intents import Begin, Completion, Create
from tusd_py.domain.principal import NO_ACCOUNT, Principal, Quota
from tusd_py.domain.refusals import Malformed, TooLarge
from tusd_py.domain.thresholds import Thresholds
from tusd_py.domain.upload import Kind, Upload
from tusd_py.domain.usage import Usage
from tusd_py.engine.append import append
from tusd_py.engine.create import create
from tusd_py.engine.direct import abort, announce, begin, complete
from tusd_py.engine.expiry_sweep import sweep
from tusd_py.engine.lookup import inspect
from tusd_py.engine.repair import repair
from tusd_py.engine.terminate import terminate
from tusd_py.ports.body import BodyEnd

BLOCK = 16


def limited(harness: Harness, max_bytes: int | None = None, max_uploads: int | None = None) -> Harness:
    """Limit every account of the harness, reserve blocks of 16 bytes for deferred lengths, and return the harness."""
    quota, thresholds = Quota(max_bytes=max_bytes, max_uploads=max_uploads), Thresholds(reservation=BLOCK)
    harness.engine = replace(harness.engine, quota=quota, thresholds=thresholds)
    return harness


async def usage(harness: Harness, account: str = NO_ACCOUNT) -> tuple[int, int, int]:
    charges = await harness.state.usage(account)
    return charges.stored, charges.reserved, charges.uploads


async def begin_upload(harness: Harness, length: int | None = 6, **options: Any) -> Upload:
    return await create(harness.engine, creating(length, **options), ScriptedBody())


async def refused(harness: Harness, intent: Create) -> bool:
    """Create the upload; return True if OverQuota is raised (which must change and read nothing), else False."""
    residue, before, body = await harness.residue(), await usage(harness), ScriptedBody(b"abc")
    try:
        await create(harness.engine, intent, body)
    except OverQuota:
        assert not body.continued
        assert (await harness.residue(), await usage(harness)) == (residue, before)
        return True
    return False


async def test_a_length_is_reserved_whole_until_it_is_stored(harness: Harness) -> None:
    limited(harness, max_bytes=10)
    upload = await begin_upload(harness, 8)
    assert await usage(harness) == (0, 8, 1)
    assert await refused(harness, creating(3))
    await append(harness.engine, upload.id, appending(0), ScriptedBody(b"abc", end=BodyEnd.CUT))
    assert await usage(harness) == (0, 8, 1)
    assert (await append(harness.engine, upload.id, appending(3), ScriptedBody(b"defgh"))).done
    assert await usage(harness) == (8, 0, 0)
    assert await refused(harness, creating(3, body=True))
    await create(harness.engine, creating(2, body=True), ScriptedBody(b"ab"))
    assert await usage(harness) == (10, 0, 0)
    assert not await refused(harness, creating(0))


async def test_unfinished_uploads_are_counted(harness: Harness) -> None:
    limited(harness, max_uploads=2)
    upload = await begin_upload(harness)
    await begin_upload(harness, None)
    for intent in (creating(6), creating(None, body=True), creating(0), creating(6, kind=Kind.PARTIAL)):
        assert await refused(harness, intent)
    assert (await append(harness.engine, upload.id, appending(0), ScriptedBody(b"abcdef"))).done
    await begin_upload(harness)
    assert await refused(harness, creating(6))


async def test_each_owner_has_an_account(harness: Harness) -> None:
    limited(harness, max_bytes=10)
    everyone, ann = harness.engine, harness.engine.acting_for(Caller(principal=Principal(subject="ann")))
    await create(ann, creating(10), ScriptedBody())
    with pytest.raises(OverQuota):
        await create(ann, creating(1), ScriptedBody())
    upload = await create(everyone, creating(10), ScriptedBody())
    assert await usage(harness, "ann") == await usage(harness) == (0, 10, 1)
    await terminate(ann, upload.id)
    assert (await usage(harness, "ann"), await usage(harness)) == ((0, 10, 1), (0, 0, 0))


async def test_every_end_gives_back_at_once(harness: Harness) -> None:
    limited(harness, max_bytes=6)
    await terminate(harness.engine, (await begin_upload(harness)).id)
    done = await create(harness.engine, creating(6, body=True), ScriptedBody(b"abcdef"))
    await terminate(harness.engine, done.id)
    await begin_upload(harness)
    harness.now += 101
    await sweep(harness.engine)
    harness.limit(retention=50.0)
    await create(harness.engine, creating(6, body=True), ScriptedBody(b"abcdef"))
    harness.now += 51
    await sweep(harness.engine)
    with pytest.raises(TooLarge):
        await create(harness.engine, creating(6, body=True), ScriptedBody(b"abcdefg"))
    await create(harness.engine, creating(6, body=True), ScriptedBody(b"abcdef"))
    harness.storage._objects.clear()
    assert [mended.done async for mended in repair(harness.engine, apply=True)] == [True]
    assert await usage(harness) == (0, 0, 0)


async def test_what_can_not_be_removed_yet_is_given_back_all_the_same(harness: Harness) -> None:
    limited(harness, max_bytes=6)
    upload = await create(harness.engine, creating(6, body=True), ScriptedBody(b"abcdef"))
    harness.storage.stuck.add(upload.id)
    await terminate(harness.engine, upload.id)
    assert await harness.uploads() != []
    assert await usage(harness) == (0, 0, 0)


async def test_without_a_quota_all_is_charged_as_well(harness: Harness) -> None:
    harness.engine = replace(harness.engine, thresholds=Thresholds(reservation=BLOCK))
    await begin_upload(harness, 10**15)
    deferred = await begin_upload(harness, None)
    assert await usage(harness) == (0, 10**15, 2)
    await append(harness.engine, deferred.id, appending(0), ScriptedBody(b"abc"))
    assert await usage(harness) == (0, 10**15 + BLOCK, 2)


async def test_a_deferred_length_reserves_blocks(harness: Harness) -> None:
    """A deferred length reserves a block once its bytes need one; the reservation ends when the upload is done."""
    limited(harness, max_bytes=100)
    upload = await begin_upload(harness, None)
    assert await usage(harness) == (0, 0, 1)
    reserved = []
    for offset in range(0, 24, 8):
        await append(harness.engine, upload.id, appending(offset, size=8), ScriptedBody(b"x" * 8))
        reserved.append((await usage(harness))[1])
    assert reserved == [BLOCK, BLOCK, 2 * BLOCK]
    end = replace(appending(24, size=1), completion=Completion.WITH_THIS)
    assert (await append(harness.engine, upload.id, end, ScriptedBody(b"x"))).done
    assert await usage(harness) == (25, 0, 0)


async def test_a_declared_length_replaces_the_blocks(harness: Harness) -> None:
    """A declared length replaces the reserved blocks; one over the quota raises OverQuota and leaves the blocks."""
    limited(harness, max_bytes=20)
    upload = await begin_upload(harness, None)
    await append(harness.engine, upload.id, appending(0, size=3), ScriptedBody(b"abc"))
    with pytest.raises(OverQuota):
        await append(harness.engine, upload.id, appending(3, length=21, size=0), ScriptedBody())
    assert await usage(harness) == (0, BLOCK, 1)
    await append(harness.engine, upload.id, appending(3, length=20, size=0), ScriptedBody())
    assert await usage(harness) == (0, 20, 1)
    deferred = await begin_upload(harness, None)
    with pytest.raises(OverQuota):
        await append(harness.engine, deferred.id, appending(0, length=1), ScriptedBody(b"x"))


async def test_its_longest_length_and_what_is_left_cut_the_last_block(harness: Harness) -> None:
    limited(harness, max_bytes=20)
    harness.limit(max_deferred_length=12)
    upload = await begin_upload(harness, None)
    await append(harness.engine, upload.id, appending(0, size=3), ScriptedBody(b"abc"))
    assert await usage(harness) == (0, 12, 1)
    deferred = await begin_upload(harness, None)
    await append(harness.engine, deferred.id, appending(0, size=3), ScriptedBody(b"abc"))
    assert await usage(harness) == (0, 20, 2)
    await append(harness.engine, deferred.id, appending(3, size=5), ScriptedBody(b"defgh"))
    with pytest.raises(OverQuota):
        await append(harness.engine, deferred.id, appending(8, size=1), ScriptedBody(b"i"))
    await append(harness.engine, upload.id, appending(3, size=9), ScriptedBody(b"x" * 9))
    await terminate(harness.engine, upload.id)
    await append(harness.engine, deferred.id, appending(8, size=1), ScriptedBody(b"i"))


async def test_an_announced_excess_is_refused_unread(harness: Harness) -> None:
    """A body announced beyond the quota is refused before it is read."""
    limited(harness, max_bytes=10)
    upload, body = await begin_upload(harness, None), ScriptedBody(b"x" * 11)
    with pytest.raises(OverQuota):
        await append(harness.engine, upload.id, appending(0, size=11), body)
    assert await refused(harness, Create(body=appending(0, size=11).body))
    assert not body.continued
    assert (await inspect(harness.engine, upload.id)).offset == 0
    assert (await append(harness.engine, upload.id, appending(0, size=10), ScriptedBody(b"x" * 10))).offset == 10
    with pytest.raises(OverQuota):
        await append(harness.engine, upload.id, appending(10), body)
    assert not body.continued


async def test_a_body_of_unknown_length_ends_where_the_quota_does(harness: Harness) -> None:
    """A body of unknown length over the quota raises OverQuota: recorded bytes stay, a creation leaves nothing."""
    limited(harness, max_bytes=20)
    harness.engine = replace(harness.engine, thresholds=Thresholds(reservation=BLOCK, unproven=0))
    upload = await begin_upload(harness, None)
    with pytest.raises(OverQuota):
        await append(harness.engine, upload.id, appending(0), ScriptedBody(*[b"x" * 8] * 5))
    record = await inspect(harness.engine, upload.id)
    assert (record.offset, await usage(harness)) == (16, (0, 16, 1))
    await append(harness.engine, upload.id, appending(16, size=4), ScriptedBody(b"x" * 4))
    assert await usage(harness) == (0, 20, 1)
    with pytest.raises(OverQuota):
        await create(harness.engine, creating(None, body=True), ScriptedBody(b"x"))
    assert [remaining.id for remaining in await harness.uploads()] == [upload.id]


async def test_a_final_upload_takes_over_its_partials(harness: Harness) -> None:
    limited(harness, max_bytes=6)
    one, two = [
        await create(harness.engine, creating(3, kind=Kind.PARTIAL, body=True), ScriptedBody(data))
        for data in (b"abc", b"def")
    ]
    final = await create(harness.engine, joining(one.id, two.id), ScriptedBody())
    assert final.done
    assert await usage(harness) == (6, 0, 0)
    await terminate(harness.engine, one.id)
    harness.now += 101
    await sweep(harness.engine)
    assert await usage(harness) == (6, 0, 0)
    await terminate(harness.engine, final.id)
    assert await usage(harness) == (0, 0, 0)


async def test_a_patch_of_known_length_costs_no_state_request(harness: Harness) -> None:
    """A PATCH to an upload of known length asks the state store as often as without a quota."""
    limited(harness, max_bytes=100, max_uploads=9)
    calls = list[str]()
    around = harness.state.fuse.around

    async def counting(call: Any) -> Any:
        calls.append(call.__name__)
        return await around(call)

    harness.state.fuse.around = counting  # type: ignore[method-assign]
    upload, deferred = await begin_upload(harness), await begin_upload(harness, None)
    assert calls == ["create", "create"]
    calls.clear()
    await append(harness.engine, upload.id, appending(0, size=3), ScriptedBody(b"abc"))
    assert calls == ["load", "save"]
    for offset, expected in ((0, ["load", "usage", "save"]), (3, ["load", "save"])):
        calls.clear()
        await append(harness.engine, deferred.id, appending(offset, size=3), ScriptedBody(b"abc"))
        assert calls == expected


async def test_of_many_at_once_no_more_get_in_than_there_is_room_for(harness: Harness) -> None:
    limited(harness, max_bytes=30)
    outcomes = await asyncio.gather(*(begin_upload(harness, 10) for _ in range(9)), return_exceptions=True)
    [first, _, _] = [outcome for outcome in outcomes if isinstance(outcome, Upload)]
    deferred = [await begin_upload(harness, None) for _ in range(3)]
    await terminate(harness.engine, first.id)
    bodies = [ScriptedBody(b"x" * 4) for _ in deferred]
    outcomes = await asyncio.gather(
        *(
            append(harness.engine, upload.id, appending(0, size=4), body)
            for upload, body in zip(deferred, bodies, strict=True)
        ),
        return_exceptions=True,
    )
    assert sum(isinstance(outcome, Upload) for outcome in outcomes) == 1, "it has reserved all that was left"
    assert (await usage(harness))[1] == 30


async def test_direct_uploads_are_charged_like_others(harness: Harness, access: ScriptedAccess) -> None:
    limited(harness, max_bytes=10, max_uploads=2)
    upload = await begin(harness.engine, Begin(mode=DirectMode.PARTS, length=7))
    assert await usage(harness) == (0, 7, 1)
    for intent in (Begin(mode=DirectMode.PARTS, length=4), Begin(mode=DirectMode.WHOLE, length=4)):
        with pytest.raises(OverQuota):
            await announce(harness.engine, intent)
    listed = naming(access.bring(upload, b"abcdefg"))
    assert (await complete(harness.engine, upload.id, access.key(upload), listed)).done
    assert await usage(harness) == (7, 0, 0)
    direct_upload = await begin(harness.engine, Begin(mode=DirectMode.PARTS, length=3))
    await abort(harness.engine, direct_upload.id, access.key(direct_upload))
    assert await usage(harness) == (7, 0, 0)


async def test_limited_direct_uploads_need_a_length(harness: Harness, access: ScriptedAccess) -> None:
    """Quotas of bytes need a direct upload's length, as S3 would take any number of bytes; quotas of uploads don't."""
    limited(harness, max_bytes=10, max_uploads=2)
    for mode in DirectMode:
        with pytest.raises(Malformed, match="tell the upload's size"):
            await announce(harness.engine, Begin(mode=mode))
    assert await usage(harness) == (0, 0, 0)
    limited(harness, max_uploads=1)
    upload = await begin(harness.engine, Begin(mode=DirectMode.PARTS))
    listed = naming(access.bring(upload, b"abcdefg"))
    assert (await complete(harness.engine, upload.id, access.key(upload), listed)).done
    assert await harness.state.usage(NO_ACCOUNT) == Usage(account=NO_ACCOUNT, stored=7)
