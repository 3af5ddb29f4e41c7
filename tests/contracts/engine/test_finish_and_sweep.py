"""The last step, the end, and what nobody comes back for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from tests.support.engine import Engine, ScriptedBody
from tests.support.intents import appending, creating
from tusd_py.engine.append import append
from tusd_py.engine.create import create
from tusd_py.engine.finish import drive
from tusd_py.engine.lookup import inspect
from tusd_py.engine.sweep import sweep
from tusd_py.engine.terminate import terminate
from tusd_py.errors import StorageUnavailable, Superseded
from tusd_py.locking.base import Lease
from tusd_py.locking.lease import TimedLease
from tusd_py.locking.memory import MemoryLocker
from tusd_py.model import Phase, Upload, UploadId
from tusd_py.pipeline.body import BodyEnd
from tusd_py.protocol.refusals import UploadNotFound
from tusd_py.state.memory import MemoryState


async def begun(engine: Engine) -> Upload:
    return await create(engine.ports, creating(6, body=True), ScriptedBody(b"abc", end=BodyEnd.CUT))


async def finishing(engine: Engine) -> Upload:
    """All its bytes are there; the storage failed to make the object."""
    upload = await begun(engine)
    engine.storage.fuse.blow(left=2)  # after the checkpoint and the sweep of older ones
    with pytest.raises(StorageUnavailable):
        await append(engine.ports, upload.id, appending(3), ScriptedBody(b"def"))
    return await engine.record(upload)


async def test_an_upload_that_could_not_be_finished_is_never_shown_as_complete(engine: Engine) -> None:
    upload = await finishing(engine)
    assert upload.phase is Phase.FINISHING
    engine.storage.fuse.blow()
    with pytest.raises(StorageUnavailable):
        await inspect(engine.ports, upload.id)


async def test_the_next_look_finishes_it(engine: Engine) -> None:
    done = await inspect(engine.ports, (await finishing(engine)).id)
    assert done.done
    assert engine.stored(done) == b"abcdef"
    assert engine.told.count("finished") == 1


async def test_a_finisher_that_comes_second_finds_it_done(engine: Engine) -> None:
    upload = await finishing(engine)
    done = await drive(engine.ports, upload)
    assert await drive(engine.ports, upload) == done
    assert engine.told.count("finished") == 1


async def test_a_finisher_overtaken_by_a_terminate_has_finished_nothing(engine: Engine) -> None:
    upload = await finishing(engine)
    await engine.state.save(replace(upload, phase=Phase.TERMINATING))
    with pytest.raises(Superseded):
        await drive(engine.ports, upload)


async def test_a_finisher_overtaken_by_another_tells_it_that_the_object_may_come_anew(engine: Engine) -> None:
    upload = await finishing(engine)
    await drive(engine.ports, upload)
    engine.now += 7
    engine.storage.troubled = True
    assert (await drive(engine.ports, upload)).troubled_at == engine.now


class Heirs(MemoryLocker):
    """Every turn is that of one who died with it."""

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


async def test_who_takes_over_from_a_dead_holder_knows_that_its_object_may_come_about(engine: Engine) -> None:
    upload = await begun(engine)
    assert upload.troubled_at is None
    assert (await inspect(replace(engine.ports, locker=Heirs()), upload.id)).troubled_at == engine.now
    assert (await engine.record(upload)).troubled_at == engine.now


class UnreachableState(MemoryState):
    """Can't be asked yet."""

    async def load(self, _upload_id: UploadId) -> Upload | None:
        raise StorageUnavailable("no answer about the installation yet")


async def test_the_lease_of_a_dead_holder_stays_abandoned_while_that_can_not_be_recorded(engine: Engine) -> None:
    upload, heirs = await begun(engine), Heirs()
    with pytest.raises(StorageUnavailable):
        async with replace(engine.ports, locker=heirs, state=UnreachableState()).hold(upload.id):
            pass
    (lease,) = heirs.leases
    assert lease.lost
    assert (await inspect(engine.ports, upload.id)).troubled_at == engine.now


async def test_an_object_that_may_come_about_although_it_could_not_be_made_is_known_of(engine: Engine) -> None:
    upload = await finishing(engine)
    for _ in range(2):
        engine.now += 10
        engine.storage.fuse.blow()
        with pytest.raises(StorageUnavailable):
            await inspect(engine.ports, upload.id)
        assert (await engine.record(upload)).troubled_at == engine.now
    troubled_at, engine.now = engine.now, engine.now + 5
    done = await inspect(engine.ports, upload.id)
    assert (done.phase, done.troubled_at) == (Phase.DONE, troubled_at), "a later attempt settles nothing"


async def test_a_troubled_upload_is_looked_through_once_when_nothing_more_can_come_of_it(engine: Engine) -> None:
    upload = await finishing(engine)
    done = await inspect(engine.ports, upload.id)
    assert done.troubled_at == engine.now
    engine.now += 29
    await sweep(engine.ports)
    assert engine.storage.listed == []
    engine.now += 1
    await sweep(engine.ports)
    assert engine.storage.listed == [upload.id]
    now = await engine.record(upload)
    assert now == replace(done, troubled_at=None, revision=now.revision), "its times are what clients see"
    engine.now += 1000
    await sweep(engine.ports)
    assert engine.storage.listed == [upload.id]


async def test_an_upload_without_trouble_is_never_looked_through(engine: Engine) -> None:
    kept, ended = [await create(engine.ports, creating(3, body=True), ScriptedBody(b"abc")) for _ in range(2)]
    await terminate(engine.ports, ended.id)
    engine.now += 1000
    await sweep(engine.ports)
    assert engine.storage.listed == []
    assert await engine.residue() == [kept.id, kept.id]


async def test_a_look_asks_the_writer_to_leave_and_sees_its_bytes(engine: Engine) -> None:
    upload = await begun(engine)
    stalled = ScriptedBody(b"de", stalls=True)
    writing = asyncio.create_task(append(engine.ports, upload.id, appending(3), stalled))
    await stalled.stalled.wait()
    assert (await inspect(engine.ports, upload.id)).offset == 5
    assert (await writing).offset == 5


async def test_a_terminated_upload_leaves_nothing(engine: Engine) -> None:
    upload = await begun(engine)
    await terminate(engine.ports, upload.id)
    assert await engine.residue() == []
    assert engine.told.count("terminated") == 1
    with pytest.raises(UploadNotFound):
        await terminate(engine.ports, upload.id)


async def test_what_the_storage_would_not_let_go_of_is_swept_and_never_shown(engine: Engine) -> None:
    upload = await begun(engine)
    engine.storage.fuse.blow()
    await terminate(engine.ports, upload.id)
    assert (await engine.record(upload)).phase is Phase.TERMINATING
    with pytest.raises(UploadNotFound):
        await inspect(engine.ports, upload.id)
    engine.now += 30
    assert await sweep(engine.ports) == 0
    assert await engine.residue() == []


async def test_what_may_come_back_is_removed_once_more(engine: Engine) -> None:
    """A write whose answer got lost may land after the upload's end was told."""
    upload = await begun(engine)
    await engine.state.save(replace(upload, troubled_at=engine.now))
    await terminate(engine.ports, upload.id)
    with pytest.raises(UploadNotFound):
        await inspect(engine.ports, upload.id)
    engine.storage._objects[upload.id] = b"late"
    await sweep(engine.ports)
    assert await engine.residue() == [upload.id, upload.id], "not at once"
    engine.now += 31
    await sweep(engine.ports)
    assert await engine.residue() == []


async def test_a_gone_upload_is_remembered_for_a_while_where_that_is_set(engine: Engine) -> None:
    engine.limit(gone=True)
    upload = await begun(engine)
    await terminate(engine.ports, upload.id)
    assert (await engine.record(upload)).phase is Phase.GONE
    engine.now += 7 * 86400
    await sweep(engine.ports)
    assert await engine.residue() == []


async def test_expired_uploads_are_removed_and_counted(engine: Engine) -> None:
    for _ in range(3):
        await begun(engine)
    engine.now += 99
    assert await sweep(engine.ports) == 0
    engine.now += 1
    assert await sweep(engine.ports) == 3
    assert await engine.residue() == []
    assert engine.told.count("expired") == 3


async def test_an_expired_upload_that_is_held_is_left_alone(engine: Engine) -> None:
    upload = await begun(engine)
    engine.now += 100
    async with engine.ports.hold(upload.id):
        assert await sweep(engine.ports) == 0
    assert await engine.record(upload) == upload


async def test_a_sweep_drives_an_unfinished_step_on_and_never_expires_it(engine: Engine) -> None:
    upload = await finishing(engine)
    engine.now += 1000
    engine.storage.fuse.blow()
    assert await sweep(engine.ports) == 0
    assert engine.told.count("finish-failed") == 1
    engine.now += 30
    await sweep(engine.ports)
    assert (await engine.record(upload)).done


async def test_what_can_not_be_removed_does_not_hide_what_is_due_after_it(engine: Engine) -> None:
    engine.storage.stuck = {(await begun(engine)).id for _ in range(120)}
    engine.now += 100
    await sweep(engine.ports)
    await begun(engine)
    engine.now += 100
    await sweep(engine.ports)
    assert {upload.id for upload in await engine.uploads()} == engine.storage.stuck
