"""New uploads are refused while there are too many unfinished ones, or these claim too many bytes; so is what raises
the claim of an upload of deferred length, and nothing else."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from tests.support.harness import Harness, ScriptedBody
from tests.support.intents import appending, creating, joining
from tusd_py.domain.errors import StateUnavailable
from tusd_py.domain.intents import Completion, Create
from tusd_py.domain.refusals import TooManyUploads
from tusd_py.domain.upload import Kind, Upload
from tusd_py.engine.append import append
from tusd_py.engine.create import create
from tusd_py.engine.lookup import inspect
from tusd_py.engine.open_uploads import OpenUploads
from tusd_py.engine.terminate import terminate
from tusd_py.ports.body import BodyEnd
from tusd_py.ports.meter import Meter
from tusd_py.ports.observer import Observers
from tusd_py.ports.state import Unfinished


def limited(harness: Harness, max_count: int | None = None, most_claimed: int | None = None) -> Harness:
    """Limit the number of unfinished uploads and the bytes that they claim (None for no limit), and return the same
    harness; uploads that exist already count only once the stores are measured."""
    open_uploads = OpenUploads(max_count, most_claimed)
    observer = Observers((open_uploads, harness.observer))
    harness.engine = replace(harness.engine, open_uploads=open_uploads, observer=observer)
    return harness


async def begin_upload(harness: Harness, length: int | None = 6, **options: Any) -> Upload:
    return await create(harness.engine, creating(length, **options), ScriptedBody())


async def refused(harness: Harness, intent: Create) -> bool:
    """Create the upload; return True if that raises TooManyUploads (which must ask for no body and change nothing),
    else False."""
    residue, body = await harness.residue(), ScriptedBody(b"abc")
    try:
        await create(harness.engine, intent, body)
    except TooManyUploads:
        assert not body.continued
        assert await harness.residue() == residue
        return True
    return False


async def test_there_are_no_more_unfinished_uploads_than_may_be(harness: Harness) -> None:
    limited(harness, max_count=2)
    await begin_upload(harness), await begin_upload(harness, None)
    for intent in (creating(6), creating(6, body=True), creating(None), creating(0), creating(6, kind=Kind.PARTIAL)):
        assert await refused(harness, intent)


async def test_they_claim_no_more_bytes_than_may_be(harness: Harness) -> None:
    limited(harness, most_claimed=10)
    await begin_upload(harness, 6)
    assert await refused(harness, creating(5))
    await begin_upload(harness, 4)
    assert await refused(harness, creating(1, body=True))
    await begin_upload(harness, 0)
    await begin_upload(harness, None)


async def test_uploads_of_before_count_once_the_state_was_asked(harness: Harness) -> None:
    for _ in range(3):
        await begin_upload(harness)
    limited(harness, max_count=4, most_claimed=30)
    await harness.engine.measure_stores()
    assert await refused(harness, creating(13))
    await begin_upload(harness, 12)
    assert await refused(harness, creating(0))


async def test_ended_uploads_free_their_places(
    harness: Harness,
) -> None:
    """An upload that this process has created since the state last counted the unfinished uploads no longer counts
    towards their limit once this process finishes or ends it; any other, only after the state has counted again."""
    limited(harness, max_count=1)
    await create(harness.engine, creating(3, body=True), ScriptedBody(b"abc"))
    upload = await begin_upload(harness)
    assert (await append(harness.engine, upload.id, appending(0), ScriptedBody(b"abcdef"))).done
    await terminate(harness.engine, (await begin_upload(harness)).id)
    before = await begin_upload(harness)
    await harness.engine.measure_stores()
    await terminate(harness.engine, before.id)
    assert await refused(harness, creating(6))
    await harness.engine.measure_stores()
    await begin_upload(harness)


async def test_an_end_frees_only_what_was_counted(harness: Harness) -> None:
    """Until the state counts the unfinished uploads again, the end of an upload makes no bytes free for others to claim
    if another node created it, or if it was in the last count."""
    elsewhere = await begin_upload(harness)
    limited(harness, most_claimed=12)
    await begin_upload(harness)
    await terminate(harness.engine, elsewhere.id)
    assert await refused(harness, creating(7))
    await begin_upload(harness)


async def test_all_that_is_done_with_uploads_that_are_there_goes_on(harness: Harness) -> None:
    limited(harness, max_count=2, most_claimed=6)
    upload, partial_upload = await begin_upload(harness), await begin_upload(harness, 0, kind=Kind.PARTIAL)
    third = await create(harness.engine, creating(0, body=True), ScriptedBody(end=BodyEnd.CUT))
    harness.engine.open_uploads._counted = Unfinished(count=99, claimed=99)
    assert third.done
    assert partial_upload.done
    assert (await append(harness.engine, upload.id, appending(0), ScriptedBody(b"abc"))).offset == 3
    assert (await inspect(harness.engine, upload.id)).offset == 3
    assert (await append(harness.engine, upload.id, appending(3), ScriptedBody(b"def"))).done
    await terminate(harness.engine, upload.id)


async def test_a_final_upload_counts_like_any_other_creation(harness: Harness) -> None:
    part = await create(harness.engine, creating(3, kind=Kind.PARTIAL, body=True), ScriptedBody(b"abc"))
    limited(harness, max_count=1, most_claimed=5)
    assert await refused(harness, joining(part.id, part.id))
    await begin_upload(harness, 0, kind=Kind.PARTIAL)
    assert not await refused(harness, joining(part.id))
    assert not await refused(harness, joining(part.id)), "they are finished"


async def test_of_many_at_once_no_more_get_in(harness: Harness) -> None:
    limited(harness, max_count=5, most_claimed=30)
    outcomes = await asyncio.gather(*(begin_upload(harness, 10) for _ in range(20)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes].count(Upload) == 3
    assert len(await harness.uploads()) == 3


async def test_a_creation_that_fails_counts_for_nothing(harness: Harness) -> None:
    limited(harness, max_count=1, most_claimed=6)
    harness.state.fuse.blow()
    with pytest.raises(StateUnavailable):
        await begin_upload(harness)
    await begin_upload(harness)


async def test_a_creation_during_the_count_is_counted(harness: Harness) -> None:
    """An upload that is created while the state counts the unfinished ones is added to the result of that count."""
    limited(harness, max_count=2)
    counting, counted = asyncio.Event(), asyncio.Event()

    async def slowly() -> Unfinished:
        counting.set()
        await counted.wait()
        return Unfinished(count=1, claimed=6)

    await begin_upload(harness)
    look = asyncio.create_task(harness.engine.open_uploads.recount(slowly, harness.engine.meter))
    await counting.wait()
    await begin_upload(harness)
    counted.set()
    await look
    assert await refused(harness, creating(6))


async def test_a_state_that_cannot_count_leaves_it_as_it_was(harness: Harness) -> None:
    limited(harness, max_count=1)
    await begin_upload(harness)

    async def away() -> Unfinished:
        raise StateUnavailable

    await harness.engine.open_uploads.recount(away, harness.engine.meter)
    assert await refused(harness, creating(6))


async def test_each_look_is_told(harness: Harness) -> None:
    counts = list[Unfinished]()

    class Seen(Meter):
        def unfinished_seen(self, unfinished: Unfinished) -> None:
            counts.append(unfinished)

    harness.engine = replace(harness.engine, meter=Seen())
    await begin_upload(harness), await begin_upload(harness, None)
    await harness.engine.measure_stores()
    assert counts == [Unfinished(count=2, claimed=6)]


async def test_counting_costs_one_state_request(harness: Harness) -> None:
    """With limits on unfinished uploads and the bytes that they claim, a creation is one call of the state store, and a
    PATCH is two, its load and its save, as without limits."""
    calls = list[str]()
    around = harness.state.fuse.around

    async def counting(call: Any) -> Any:
        calls.append(call.__name__)
        return await around(call)

    harness.state.fuse.around = counting  # type: ignore[method-assign]
    limited(harness, max_count=9, most_claimed=99)
    upload = await begin_upload(harness)
    assert calls == ["create"]
    calls.clear()
    await append(harness.engine, upload.id, appending(0), ScriptedBody(b"abc"))
    assert calls == ["load", "save"]


@pytest.fixture
async def deferred(harness: Harness) -> Upload:
    """An upload of deferred length with 3 bytes, in a harness whose uploads claim 8 of 10 bytes."""
    limited(harness, most_claimed=10)
    upload = await create(harness.engine, creating(None, body=True), ScriptedBody(b"abc", end=BodyEnd.CUT))
    await begin_upload(harness, 5)
    await harness.engine.measure_stores()
    return upload


async def test_a_deferred_length_claims_bytes(harness: Harness, deferred: Upload) -> None:
    """An upload of deferred length claims its bytes as they come, and its length once that is declared: deferring
    evades no limit."""
    body = ScriptedBody(b"def")
    for intent in (appending(3, size=3), appending(3, length=6), appending(3, length=6, size=0)):
        with pytest.raises(TooManyUploads):
            await append(harness.engine, deferred.id, intent, body)
    assert not body.continued
    assert await inspect(harness.engine, deferred.id) == deferred
    assert await refused(harness, Create(body=appending(0, size=3).body))
    assert (await append(harness.engine, deferred.id, appending(3, size=2), ScriptedBody(b"de"))).offset == 5
    await harness.engine.measure_stores()
    with pytest.raises(TooManyUploads):
        await append(harness.engine, deferred.id, appending(5), body)
    end = replace(appending(5, size=0), completion=Completion.WITH_THIS)
    assert (await append(harness.engine, deferred.id, end, ScriptedBody())).done
