"""Sweeps of many due uploads: a few are processed at a time, and one that is locked, slow or failing doesn't keep the
others from their turn, unless a whole store is away."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from tests.contracts.engine.test_finish_and_sweep import begin_upload, finishing
from tests.contracts.engine.test_refunds import Rejecting, infected
from tests.support.harness import Harness, ScriptedBody
from tests.support.intents import appending
from tusd_py.domain.errors import StorageUnavailable
from tusd_py.domain.phase import Phase
from tusd_py.domain.thresholds import Thresholds
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.engine import expiry_sweep as sweep_module
from tusd_py.engine.append import append
from tusd_py.engine.engine import Engine
from tusd_py.engine.expiry_sweep import sweep

SIDE_BY_SIDE = 3


@pytest.fixture
def harness(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> Harness:
    """A harness whose sweeps load 5 due uploads at a time and process 3 at once; each sweep checks at most once whether
    the stores are available."""
    monkeypatch.setattr(sweep_module, "_RECENT", math.inf)
    harness.engine = replace(harness.engine, thresholds=Thresholds(due=5, due_at_a_time=SIDE_BY_SIDE))
    return harness


async def expired(harness: Harness, count: int) -> list[UploadId]:
    """Create `count` uploads, set the clock to their expiry, and return their ids."""
    upload_ids = [(await begin_upload(harness)).id for _ in range(count)]
    harness.now += 100
    return upload_ids


async def remaining_uploads(harness: Harness) -> set[UploadId]:
    """Return the ids of the uploads that have a record, or parts in the storage."""
    return {upload.id for upload in await harness.uploads()} | set(harness.storage._parts)


class Storage:
    """The storage of a harness, whose removals (`discard`) and pings are counted: both fail if `away`; removals of the
    uploads in `failing` fail, those of the uploads in `slow` wait until `waiting` is set."""

    def __init__(self, harness: Harness) -> None:
        self._discard = harness.storage.discard
        self.failing: set[UploadId] | None = set()
        """The uploads whose removal fails; None for all."""
        self.waiting = asyncio.Event()
        self.slow = set[UploadId]()
        self.running, self.peak = 0, 0
        self.discarded, self.pings = list[UploadId](), 0
        self.started, self.ended = asyncio.Semaphore(0), asyncio.Semaphore(0)
        self.away = False
        harness.storage.discard = self.discard  # type: ignore[method-assign]
        harness.storage.ping = self.ping  # type: ignore[method-assign]

    async def discard(self, upload: Upload) -> None:
        self.discarded.append(upload.id)
        self.running += 1
        self.started.release()
        self.peak = max(self.peak, self.running)
        try:
            if upload.id in self.slow:
                await self.waiting.wait()
            if self.away or self.failing is None or upload.id in self.failing:
                raise StorageUnavailable("as told")
            await self._discard(upload)
        finally:
            self.running -= 1
            self.ended.release()

    async def ping(self) -> None:
        self.pings += 1
        if self.away:
            raise StorageUnavailable("away")


@pytest.fixture
def storage(harness: Harness) -> Storage:
    return Storage(harness)


async def as_often(as_told: asyncio.Semaphore, count: int) -> None:
    """Wait until the semaphore was released `count` times."""
    for _ in range(count):
        await as_told.acquire()


async def test_those_that_are_held_keep_no_other_from_expiry(harness: Harness) -> None:
    locked = await expired(harness, 23)
    harness.now += 1
    late = await expired(harness, 2)
    async with AsyncExitStack() as stack:
        for upload_id in locked:
            await stack.enter_async_context(harness.engine.hold(upload_id))
        assert await sweep(harness.engine) == len(late)
        assert await remaining_uploads(harness) == set(locked)
    assert await sweep(harness.engine) == len(locked)


async def test_a_writer_outlives_the_expiry(
    harness: Harness,
) -> None:
    """A sweep leaves an expired upload whose body still arrives, and the next record of the body's bytes extends the
    upload's expiry."""
    upload, body = await begin_upload(harness), ScriptedBody(b"d", stalls=True)
    writing = asyncio.create_task(append(harness.engine, upload.id, appending(3), body))
    await body.stalled.wait()
    harness.now += 100
    assert await sweep(harness.engine) == 0
    body.stop()
    assert (await writing).offset == 4
    assert (await harness.record(upload)).times.expires_at == harness.now + 100
    assert await sweep(harness.engine) == 0


async def test_some_are_seen_to_side_by_side_and_never_more(harness: Harness, storage: Storage) -> None:
    storage.slow.update(await expired(harness, 11))
    sweeping = asyncio.create_task(sweep(harness.engine))
    await as_often(storage.started, SIDE_BY_SIDE)
    storage.waiting.set()
    assert await sweeping == 11
    assert storage.peak == SIDE_BY_SIDE


async def test_a_slow_removal_blocks_no_other(harness: Harness, storage: Storage) -> None:
    """A slow removal doesn't hold back the removals of the other uploads that the sweep loaded at the same time."""
    slow, *fast = await expired(harness, 5)
    storage.slow.add(slow)
    sweeping = asyncio.create_task(sweep(harness.engine))
    await as_often(storage.ended, len(fast))
    assert storage.running == 1
    storage.waiting.set()
    assert await sweeping == 5


@pytest.mark.parametrize("backwards", [False, True])
async def test_what_comes_of_it_does_not_depend_on_the_order(
    harness: Harness, storage: Storage, *, backwards: bool
) -> None:
    due, uploads = harness.state.inner.due, await expired(harness, 12)
    storage.failing = {uploads[0], uploads[5], uploads[11]}

    async def turned(now: float, limit: int) -> Sequence[UploadId]:
        due_uploads = await due(now, limit)
        return due_uploads[::-1] if backwards else due_uploads

    harness.state.due = turned  # type: ignore[method-assign]
    assert await sweep(harness.engine) == 12
    assert await remaining_uploads(harness) == storage.failing
    assert {upload.phase for upload in await harness.uploads()} == {Phase.TERMINATING}
    assert [trouble for trouble, _ in harness.observer.troubles] == ["left behind"] * 3


async def test_a_storage_that_is_away_is_not_asked_for_each_of_them(harness: Harness, storage: Storage) -> None:
    uploads = await expired(harness, 50)
    storage.away = True
    with pytest.raises(StorageUnavailable, match="away"):
        await sweep(harness.engine)
    assert len(storage.discarded) <= 2 * SIDE_BY_SIDE
    assert storage.pings == 1
    storage.away = False
    harness.now += 30
    await sweep(harness.engine)
    assert await remaining_uploads(harness) == set()
    assert set(storage.discarded) == set(uploads)


async def test_a_healthy_storage_is_pinged_once(harness: Harness, storage: Storage) -> None:
    """A sweep whose 50 removals all fail pings the storage once, and goes on if the storage answers: here, one check
    holds for the whole sweep."""
    uploads = await expired(harness, 50)
    storage.failing = None
    assert await sweep(harness.engine) == len(uploads)
    assert sorted(storage.discarded) == sorted(uploads)
    assert storage.pings == 1


async def test_only_a_failed_finish_checks_the_stores(harness: Harness, storage: Storage) -> None:
    """A sweep that fails to finish an upload pings the storage, and raises StorageUnavailable if that fails, too; a
    sweep that finishes the upload pings nothing."""
    upload = await finishing(harness)
    harness.now += 100
    harness.storage.fuse.blow()
    storage.away = True
    with pytest.raises(StorageUnavailable, match="away"):
        await sweep(harness.engine)
    assert storage.pings == 1
    harness.now += 100
    harness.storage.fuse.mend()
    await sweep(harness.engine)
    assert (await harness.record(upload)).done
    assert storage.pings == 1


async def test_an_unforeseen_error_waits_for_all_others(harness: Harness, storage: Storage) -> None:
    """An unforeseen error of one upload is raised once all other due uploads are processed, also those that the sweep
    loads later."""
    broken, *healthy = await expired(harness, 12)
    storage.slow.add(healthy[0])
    discard = harness.storage.discard

    async def discarded(upload: Upload) -> None:
        if upload.id == broken:
            await as_often(storage.started, 1)
            asyncio.get_running_loop().call_soon(storage.waiting.set)
            raise RuntimeError("a mistake")
        await discard(upload)

    harness.storage.discard = discarded  # type: ignore[method-assign]
    with pytest.raises(RuntimeError, match="a mistake"):
        await sweep(harness.engine)
    assert await remaining_uploads(harness) == {broken}


async def test_a_sweep_that_is_cancelled_leaves_no_work_behind(harness: Harness, storage: Storage) -> None:
    storage.slow.update(await expired(harness, 5))
    sweeping = asyncio.create_task(sweep(harness.engine))
    await as_often(storage.started, SIDE_BY_SIDE)
    sweeping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sweeping
    assert storage.running == 0


@pytest.mark.parametrize("refusing", [lambda engine: replace(engine, questions=Rejecting()), infected])
async def test_a_refused_finish_is_no_error_of_a_sweep(
    harness: Harness, storage: Storage, refusing: Callable[[Engine], Engine]
) -> None:
    """A sweep ends an upload whose finish a hook or a scan refuses, raises nothing, and doesn't ask if a store is
    away."""
    upload = await finishing(harness)
    harness.now += 31
    await sweep(refusing(harness.engine))
    assert storage.pings == 0
    assert upload.id not in await remaining_uploads(harness)


async def test_a_locked_upload_asks_no_store(harness: Harness, storage: Storage) -> None:
    (upload_id,) = await expired(harness, 1)
    async with harness.locker.hold(upload_id, on_release_request=lambda: None, wait=0):
        await sweep(harness.engine)
    assert storage.pings == 0


async def test_an_outage_leaves_no_work_behind(harness: Harness, storage: Storage) -> None:
    """A sweep that finds the storage away ends only once the removals that it has begun have ended, too."""
    storage.away = True
    slow, _ = await expired(harness, 2)
    storage.slow.add(slow)
    sweeping = asyncio.create_task(sweep(harness.engine))
    await as_often(storage.ended, 1)
    while not storage.pings:  # noqa: ASYNC110 (only looking tells)
        await asyncio.sleep(0)
    for _ in range(20):
        await asyncio.sleep(0)
    assert (storage.running, sweeping.done()) == (1, False)
    storage.waiting.set()
    with pytest.raises(StorageUnavailable):
        await sweeping
    assert storage.running == 0
