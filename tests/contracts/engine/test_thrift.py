"""The engine sends no needless requests to state and storage, as to compute a digest or to pair the two, and still
makes the checks, refusals and records that are needed."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.contracts.engine.test_finish_and_sweep import begin_upload
from tests.support.harness import Harness, ScriptedBody
from tests.support.intents import appending, creating, sha1
from tusd_py.domain.checkpoint import Entry
from tusd_py.domain.digest import WholeDigest
from tusd_py.domain.errors import StateUnavailable, Superseded
from tusd_py.domain.installation import Installation
from tusd_py.domain.refusals import ChecksumMismatch, StoreFull
from tusd_py.domain.thresholds import DEFAULT
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.engine import records
from tusd_py.engine.append import append
from tusd_py.engine.create import create
from tusd_py.engine.installation import Snapshot, force_pair, pair, reconcile, take_snapshot
from tusd_py.engine.lookup import inspect
from tusd_py.engine.pairing import PairedState
from tusd_py.ports.body import BodyEnd


async def test_bytes_that_came_by_are_not_read_again_for_their_digest(harness: Harness) -> None:
    def read(*_: object) -> None:
        pytest.fail("read from the storage")

    harness.storage.read = read  # type: ignore[method-assign,assignment]
    whole = WholeDigest(algorithm="sha256")
    expected = replace(whole, value=hashlib.sha256(b"abc").hexdigest())
    at_once = await create(harness.engine, creating(3, body=True, whole=whole), ScriptedBody(b"abc"))
    later = await create(harness.engine, creating(3, whole=whole), ScriptedBody())
    assert (
        (await append(harness.engine, later.id, appending(0), ScriptedBody(b"abc"))).digest
        == at_once.digest
        == expected
    )


async def test_to_look_asks_the_state_twice_and_the_storage_once(harness: Harness) -> None:
    await pair(harness.engine)
    harness.state.fuse.blow(2)
    harness.storage.id_reads = 0
    await take_snapshot(harness.engine)
    assert harness.storage.id_reads == 1
    with pytest.raises(StateUnavailable):
        await harness.state.installation()


async def test_a_later_start_writes_nothing(harness: Harness) -> None:
    await pair(harness.engine)

    async def install(*_: object) -> None:
        pytest.fail("written again")

    for store, names in ((harness.state, ("install", "reinstall")), (harness.storage, ("install",))):
        for name in names:
            setattr(store, name, install)
    await pair(harness.engine)


async def test_what_is_taken_over_is_known_to_be_stored(harness: Harness) -> None:
    installation = Installation(id="a" * 32, stored=True, adopted_at=harness.now)
    assert reconcile(harness.engine, Snapshot(installation=None, storage_id="a" * 32, state_empty=True)) == installation
    await harness.storage.install("a" * 32)
    assert await force_pair(harness.engine) == installation


async def test_a_paired_state_hands_on_every_call(harness: Harness) -> None:
    state = PairedState(harness.engine)
    entries: Sequence[Entry] = [{"part": 1}]
    first, second = [
        await state.create(replace(await begin_upload(harness), id=UploadId(digit * 32)), entries) for digit in "ab"
    ]
    assert await state.entries(first.id) == entries
    saved = await state.save(first, [{"part": 2}])
    assert [entry["part"] for entry in await state.entries(first.id)] == [1, 2]
    assert [digit.id for digit in await state.list(first.id, 1)] == [second.id]
    await state.rewind(saved, [])
    assert list(await state.entries(first.id)) == []


@pytest.mark.parametrize("size", [None, 1])
async def test_without_room_no_byte_is_taken_not_even_the_last(harness: Harness, size: int | None) -> None:
    upload = await create(harness.engine, creating(6, body=True), ScriptedBody(b"abcde", end=BodyEnd.CUT))
    harness.engine.free_space.full.add("storage")
    body = ScriptedBody(b"f")
    with pytest.raises(StoreFull):
        await append(harness.engine, upload.id, appending(5, size=size), body)
    assert not body.continued


async def test_a_holder_that_creates_is_asked_to_leave_too(harness: Harness) -> None:
    body = ScriptedBody(b"abc", stalls=True)
    creating_it = asyncio.create_task(create(harness.engine, creating(6, body=True), body))
    await body.stalled.wait()
    (upload,) = await harness.state.list(None, 10)
    assert (await inspect(harness.engine, upload.id)).offset == 3
    assert (await creating_it).offset == 3


async def test_an_empty_body_is_checked_against_its_checksum(harness: Harness) -> None:
    """The creation of an upload of length 0 raises ChecksumMismatch if its empty body doesn't have the announced
    checksum."""
    with pytest.raises(ChecksumMismatch):
        await create(harness.engine, creating(0, body=True, checksum=sha1(b"x")), ScriptedBody())
    assert (await create(harness.engine, creating(0, body=True, checksum=sha1(b"")), ScriptedBody())).done


@pytest.mark.parametrize(("sizes", "recorded"), [((8, 8), 0), ((8, 8, 1), 16), ((16, 1), 16)])
async def test_chunked_bytes_count_past_the_unproven_limit(
    harness: Harness, sizes: Sequence[int], recorded: int
) -> None:
    """While a body without a declared length arrives, its bytes are recorded only once more than the threshold
    `unproven` (here 16) have come, and then up to the last checkpoint."""
    engine = replace(harness.engine, thresholds=replace(DEFAULT, unproven=16))
    upload = await create(engine, creating(100), ScriptedBody())
    body = ScriptedBody(*map(bytes, sizes), stalls=True)
    writing = asyncio.create_task(append(engine, upload.id, appending(0), body))
    await body.stalled.wait()
    assert (await harness.record(upload)).offset == recorded
    body.stop()
    assert (await writing).offset == sum(sizes)


@pytest.mark.parametrize("error", [Superseded, StateUnavailable])
async def test_a_trouble_is_recorded_at_a_later_attempt(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    monkeypatch.setattr(records, "_TROUBLE_PAUSES", (0.0, 0.0))
    upload, save = await begin_upload(harness), harness.state.save

    async def failing(*_: Any) -> Upload:
        harness.state.save = save  # type: ignore[method-assign]
        raise error

    harness.state.save = failing  # type: ignore[method-assign,assignment]
    await harness.engine.records.remember_trouble(upload.id)
    assert (await harness.record(upload)).troubled_at == harness.now
    assert harness.engine.unrecorded == set()
