"""Finishing and ending uploads, and sweeps of those that no client comes back for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from tests.support.harness import Harness, ScriptedBody
from tests.support.intents import appending, creating
from tusd_py.backends.lease import TimedLease
from tusd_py.backends.memory.locks import MemoryLocker
from tusd_py.backends.memory.state import MemoryState
from tusd_py.domain.checkpoint import Entry
from tusd_py.domain.errors import StorageUnavailable, Superseded
from tusd_py.domain.phase import Phase
from tusd_py.domain.refusals import UploadNotFound
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.engine.append import append
from tusd_py.engine.create import create
from tusd_py.engine.expiry_sweep import sweep
from tusd_py.engine.finish import finish_upload
from tusd_py.engine.lookup import inspect
from tusd_py.engine.terminate import terminate
from tusd_py.ports.body import BodyEnd
from tusd_py.ports.locks import Lease


async def begin_upload(harness: Harness) -> Upload:
    return await create(harness.engine, creating(6, body=True), ScriptedBody(b"abc", end=BodyEnd.CUT))


async def finishing(harness: Harness) -> Upload:
    """Return the record of an upload of 6 bytes in phase finishing, whose object the storage failed to make."""
    upload = await begin_upload(harness)
    harness.storage.fuse.blow(after=2)  # after the checkpoint and the sweep of older ones
    with pytest.raises(StorageUnavailable):
        await append(harness.engine, upload.id, appending(3), ScriptedBody(b"def"))
    return await harness.record(upload)


async def test_a_failed_finish_is_never_shown_as_complete(harness: Harness) -> None:
    upload = await finishing(harness)
    assert upload.phase is Phase.FINISHING
    harness.storage.fuse.blow()
    with pytest.raises(StorageUnavailable):
        await inspect(harness.engine, upload.id)


async def test_the_next_look_finishes_it(harness: Harness) -> None:
    done = await inspect(harness.engine, (await finishing(harness)).id)
    assert done.done
    assert harness.stored(done) == b"abcdef"
    assert harness.observer.count("finished") == 1


async def test_entries_are_read_only_for_an_object_made_of_them(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server reads no entries for an object that isn't made of parts: that saves a small upload one of four
    requests to the state."""
    monkeypatch.setattr(harness.state, "entries", _no_entries)
    harness.storage.in_parts = False
    await create(harness.engine, creating(3, body=True), ScriptedBody(b"abc"))
    assert harness.observer.count("finished") == 1
    harness.storage.in_parts = True
    with pytest.raises(AssertionError, match="were read"):
        await create(harness.engine, creating(3, body=True), ScriptedBody(b"abc"))


async def _no_entries(upload_id: UploadId) -> Sequence[Entry]:
    raise AssertionError(f"entries of {upload_id} were read")


async def test_a_finisher_that_comes_second_finds_it_done(harness: Harness) -> None:
    upload = await finishing(harness)
    done = await finish_upload(harness.engine, upload)
    assert await finish_upload(harness.engine, upload) == done
    assert harness.observer.count("finished") == 1


async def test_terminate_overtakes_a_finisher(harness: Harness) -> None:
    upload = await finishing(harness)
    await harness.state.save(replace(upload, phase=Phase.TERMINATING))
    with pytest.raises(Superseded):
        await finish_upload(harness.engine, upload)


async def test_an_overtaken_finisher_records_the_trouble(harness: Harness) -> None:
    """If a write of an attempt to finish got no answer from the storage, the trouble is recorded although another
    request has finished the upload first."""
    upload = await finishing(harness)
    await finish_upload(harness.engine, upload)
    harness.now += 7
    harness.storage.troubled = True
    assert (await finish_upload(harness.engine, upload)).troubled_at == harness.now


class Heirs(MemoryLocker):
    """A locker that gives out each lease as if the holder before had died."""

    def __init__(self) -> None:
        super().__init__()
        self.leases: list[TimedLease] = []

    @asynccontextmanager
    async def hold(
        self, upload_id: UploadId, *, on_release_request: Callable[[], None], wait: float
    ) -> AsyncIterator[Lease]:
        async with super().hold(upload_id, on_release_request=on_release_request, wait=wait) as lease:
            assert isinstance(lease, TimedLease)
            lease.abandoned = True
            self.leases.append(lease)
            yield lease


async def test_the_heir_of_a_dead_holder_records_the_trouble(harness: Harness) -> None:
    """The next holder of an abandoned lease records the trouble: a write of the dead holder may still take effect."""
    upload = await begin_upload(harness)
    assert upload.troubled_at is None
    assert (await inspect(replace(harness.engine, locker=Heirs()), upload.id)).troubled_at == harness.now
    assert (await harness.record(upload)).troubled_at == harness.now


class UnreachableState(MemoryState):
    """A state store each `load` of which raises StorageUnavailable."""

    async def load(self, _upload_id: UploadId) -> Upload | None:
        raise StorageUnavailable("no answer about the installation yet")


async def test_an_unrecorded_trouble_keeps_the_lease_abandoned(harness: Harness) -> None:
    """If the successor of a dead lock holder can't record the trouble, its own lease counts as abandoned, so that the
    next holder records it."""
    upload, heirs = await begin_upload(harness), Heirs()
    with pytest.raises(StorageUnavailable):
        async with replace(harness.engine, locker=heirs, state=UnreachableState()).hold(upload.id):
            pass
    (lease,) = heirs.leases
    assert lease.lost
    assert (await inspect(harness.engine, upload.id)).troubled_at == harness.now


async def test_a_failed_finish_records_the_trouble(harness: Harness) -> None:
    """Each attempt to finish that the storage fails records the trouble, as the object may still be made; a later
    success keeps that record."""
    upload = await finishing(harness)
    for _ in range(2):
        harness.now += 10
        harness.storage.fuse.blow()
        with pytest.raises(StorageUnavailable):
            await inspect(harness.engine, upload.id)
        assert (await harness.record(upload)).troubled_at == harness.now
    troubled_at, harness.now = harness.now, harness.now + 5
    done = await inspect(harness.engine, upload.id)
    assert (done.phase, done.troubled_at) == (Phase.DONE, troubled_at), "a later attempt settles nothing"


async def test_a_troubled_upload_is_checked_once(harness: Harness) -> None:
    """30 seconds after the trouble of a finished upload, when no earlier write can take effect any more, a sweep
    removes what the storage has beyond the record; if that succeeds, it isn't repeated."""
    upload = await finishing(harness)
    done = await inspect(harness.engine, upload.id)
    assert done.troubled_at == harness.now
    harness.now += 29
    await sweep(harness.engine)
    assert harness.storage.listed == []
    harness.now += 1
    await sweep(harness.engine)
    assert harness.storage.listed == [upload.id]
    now = await harness.record(upload)
    assert now == replace(done, troubled_at=None, revision=now.revision), "its times are what clients see"
    harness.now += 1000
    await sweep(harness.engine)
    assert harness.storage.listed == [upload.id]


async def test_an_upload_without_trouble_is_never_looked_through(harness: Harness) -> None:
    kept_upload, ended = [await create(harness.engine, creating(3, body=True), ScriptedBody(b"abc")) for _ in range(2)]
    await terminate(harness.engine, ended.id)
    harness.now += 1000
    await sweep(harness.engine)
    assert harness.storage.listed == []
    assert await harness.residue() == [kept_upload.id, kept_upload.id]


async def test_a_look_asks_the_writer_to_leave_and_sees_its_bytes(harness: Harness) -> None:
    upload = await begin_upload(harness)
    stalled = ScriptedBody(b"de", stalls=True)
    writing = asyncio.create_task(append(harness.engine, upload.id, appending(3), stalled))
    await stalled.stalled.wait()
    assert (await inspect(harness.engine, upload.id)).offset == 5
    assert (await writing).offset == 5


async def test_a_terminated_upload_leaves_nothing(harness: Harness) -> None:
    upload = await begin_upload(harness)
    await terminate(harness.engine, upload.id)
    assert await harness.residue() == []
    assert harness.observer.count("terminated") == 1
    with pytest.raises(UploadNotFound):
        await terminate(harness.engine, upload.id)


async def test_a_failed_removal_is_swept_and_never_shown(harness: Harness) -> None:
    """An upload that the storage failed to remove is swept later and never shown."""
    upload = await begin_upload(harness)
    harness.storage.fuse.blow()
    await terminate(harness.engine, upload.id)
    assert (await harness.record(upload)).phase is Phase.TERMINATING
    with pytest.raises(UploadNotFound):
        await inspect(harness.engine, upload.id)
    harness.now += 30
    assert await sweep(harness.engine) == 0
    assert await harness.residue() == []


async def test_what_may_come_back_is_removed_once_more(harness: Harness) -> None:
    """A troubled upload that has ended is removed at once, and again by a sweep 30 seconds or more after the trouble,
    as a late write may have stored an object."""
    upload = await begin_upload(harness)
    await harness.state.save(replace(upload, troubled_at=harness.now))
    await terminate(harness.engine, upload.id)
    with pytest.raises(UploadNotFound):
        await inspect(harness.engine, upload.id)
    harness.storage._objects[upload.id] = b"late"
    await sweep(harness.engine)
    assert await harness.residue() == [upload.id, upload.id], "not at once"
    harness.now += 31
    await sweep(harness.engine)
    assert await harness.residue() == []


async def test_a_gone_upload_is_remembered(harness: Harness) -> None:
    """With `Limits.answers_gone`, a removed upload stays recorded as gone, and a sweep after seven days deletes the
    record."""
    harness.limit(answers_gone=True)
    upload = await begin_upload(harness)
    await terminate(harness.engine, upload.id)
    assert (await harness.record(upload)).phase is Phase.GONE
    harness.now += 7 * 86400
    await sweep(harness.engine)
    assert await harness.residue() == []


async def test_expired_uploads_are_removed_and_counted(harness: Harness) -> None:
    for _ in range(3):
        await begin_upload(harness)
    harness.now += 99
    assert await sweep(harness.engine) == 0
    harness.now += 1
    assert await sweep(harness.engine) == 3
    assert await harness.residue() == []
    assert harness.observer.count("expired") == 3


async def test_an_expired_upload_that_is_held_is_left_alone(harness: Harness) -> None:
    upload = await begin_upload(harness)
    harness.now += 100
    async with harness.engine.hold(upload.id):
        assert await sweep(harness.engine) == 0
    assert await harness.record(upload) == upload


async def test_a_sweep_resumes_an_unfinished_step(harness: Harness) -> None:
    """A sweep completes a finishing upload, also after a failed attempt, and doesn't expire it."""
    upload = await finishing(harness)
    harness.now += 1000
    harness.storage.fuse.blow()
    assert await sweep(harness.engine) == 0
    assert harness.observer.count("finish failed") == 1
    harness.now += 30
    await sweep(harness.engine)
    assert (await harness.record(upload)).done


async def test_failed_removals_do_not_starve_the_sweep(harness: Harness) -> None:
    """120 uploads that the storage can't remove, more than a sweep reads at a time, don't keep a sweep from uploads
    that are due after them."""
    harness.storage.stuck = {(await begin_upload(harness)).id for _ in range(120)}
    harness.now += 100
    await sweep(harness.engine)
    await begin_upload(harness)
    harness.now += 100
    await sweep(harness.engine)
    assert {upload.id for upload in await harness.uploads()} == harness.storage.stuck
