"""Leftovers of a crash are removed, bytes that an upload needs are not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from tests.support.harness import FailingStorage, Harness, ScriptedBody
from tests.support.intents import appending, creating
from tusd_py.domain.errors import Superseded
from tusd_py.domain.phase import Phase
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.engine.append import append
from tusd_py.engine.create import create
from tusd_py.engine.garbage_collection import collect_garbage
from tusd_py.ports.inspection import Leftover

STRANGER = UploadId("f" * 32)


@pytest.fixture
async def upload(harness: Harness) -> Upload:
    """An unfinished upload of 10 bytes that has 3."""
    created = await create(harness.engine, creating(10), ScriptedBody())
    return await append(harness.engine, created.id, appending(0), ScriptedBody(b"abc"))


async def tidied(harness: Harness, *, dry_run: bool = False) -> list[UploadId]:
    return [leftover.upload_id async for leftover in collect_garbage(harness.engine, dry_run=dry_run)]


async def test_what_an_unfinished_upload_needs_stays(harness: Harness, upload: Upload) -> None:
    assert await tidied(harness) == []
    done = await append(harness.engine, upload.id, appending(3), ScriptedBody(b"defghij"))
    assert harness.stored(done) == b"abcdefghij"


async def test_unrecorded_objects_are_removed_once_old(harness: Harness) -> None:
    harness.storage._parts[STRANGER] = bytearray(b"abc")
    harness.now = 99
    assert await tidied(harness) == []
    harness.now = 100
    assert await tidied(harness) == [STRANGER]
    assert await harness.residue() == []


async def test_a_storage_that_lists_nothing_has_no_garbage(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FailingStorage, "inspection", None)
    harness.storage._parts[STRANGER] = bytearray(b"abc")
    assert await tidied(harness) == []
    assert await harness.residue() == [STRANGER]


async def test_without_expiry_unknown_objects_stay_a_week(harness: Harness) -> None:
    """If uploads never expire, garbage collection keeps a leftover without a record until it is a week old."""
    harness.limit(expire_after=None)
    harness.storage._parts[STRANGER] = bytearray(b"abc")
    harness.now = 7 * 86400 - 1
    assert await tidied(harness) == []
    harness.now += 1
    assert await tidied(harness) == [STRANGER]


async def test_a_dry_run_says_the_same_and_removes_nothing(harness: Harness) -> None:
    harness.storage._parts[STRANGER] = bytearray(b"abc")
    assert await tidied(harness, dry_run=True) == [STRANGER]
    assert await harness.residue() == [STRANGER]


async def test_leftovers_of_a_finished_upload_are_removed(harness: Harness, upload: Upload) -> None:
    done = await append(harness.engine, upload.id, appending(3), ScriptedBody(b"defghij"))
    harness.storage._parts[upload.id] = bytearray(b"of a writer that died")
    assert await tidied(harness) == [upload.id]
    assert harness.stored(done) == b"abcdefghij"


async def test_new_leftovers_of_a_finished_upload_go_too(
    harness: Harness, upload: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A leftover of a finished upload is removed at any age, unlike one without a record."""

    async def listing() -> AsyncIterator[Leftover]:
        for upload_id in (upload.id, STRANGER):
            yield Leftover(upload_id=upload_id, name=upload_id, since=harness.now)

    monkeypatch.setattr(harness.storage, "leftovers", listing)
    await append(harness.engine, upload.id, appending(3), ScriptedBody(b"defghij"))
    assert await tidied(harness) == [upload.id]


async def test_a_woken_writer_can_not_record_removed_bytes(harness: Harness, upload: Upload) -> None:
    """A writer that lost its lock gets Superseded if it records bytes that garbage collection has removed meanwhile."""
    harness.storage.needs = lambda *_: False  # type: ignore[method-assign]  # as if nothing of it were recorded yet
    assert await tidied(harness) == [upload.id]
    with pytest.raises(Superseded):
        await harness.state.save(upload)


async def test_a_terminating_upload_is_left_to_the_sweep(harness: Harness, upload: Upload) -> None:
    await harness.state.save(replace(upload, phase=Phase.TERMINATING))
    assert await tidied(harness) == []


async def test_what_belongs_to_a_gone_upload_goes(harness: Harness, upload: Upload) -> None:
    await harness.state.save(replace(upload, phase=Phase.GONE))
    assert await tidied(harness) == [upload.id]


async def test_an_upload_that_is_being_written_is_left_alone(harness: Harness, upload: Upload) -> None:
    stalled = ScriptedBody(b"de", stalls=True)
    writing = asyncio.create_task(append(harness.engine, upload.id, appending(3), stalled))
    await stalled.stalled.wait()
    harness.storage.needs = lambda *_: False  # type: ignore[method-assign]  # as if nothing of it were recorded yet
    assert await tidied(harness) == []
    stalled.stop()
    await writing


async def test_one_at_a_time_is_enough(harness: Harness) -> None:
    async def listing() -> AsyncIterator[Leftover]:
        assert [leftover async for leftover in collect_garbage(harness.engine)] == []
        yield Leftover(upload_id=STRANGER, name=STRANGER, since=0)

    harness.storage.leftovers = listing  # type: ignore[method-assign]  # a second node comes while the first one lists
    assert await tidied(harness) == [STRANGER]


async def test_a_dry_run_sees_what_another_node_is_removing(harness: Harness) -> None:
    harness.storage._parts[STRANGER] = bytearray(b"abc")
    async for _ in collect_garbage(harness.engine):
        harness.storage._parts[STRANGER] = bytearray(b"abc")
        assert await tidied(harness, dry_run=True) == [STRANGER]
