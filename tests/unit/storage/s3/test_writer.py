"""The S3 writer's requests in flight, and its reports of trouble: `unsettled`, True if the storage may hold bytes that
no checkpoint names, and the mark `troubled` of a checkpoint."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.storages import STORAGES, Bench
from tests.support.writing import FakeLease, Journal, new_upload, random_bytes
from tusd_py.domain.upload import Upload
from tusd_py.ports.storage import Writer
from tusd_py.storage.s3.bucket import Bucket
from tusd_py.storage.s3.cursor import StoredObject


@pytest.fixture(params=["moto", "moto with info objects"])
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    async with STORAGES[request.param](request) as storage:
        yield storage


@pytest.fixture
def fresh(bench: Bench) -> Upload:
    return new_upload(bench.storage, 10 * bench.grain)


def all_given(bench: Bench, fresh: Upload) -> Journal:
    """A journal that accepts each offset up to the upload's length."""
    journal = Journal(bench.storage, fresh)
    journal.consumed = fresh.length or 0
    return journal


@pytest.mark.parametrize("tenths", [3, 10, 13, 25])
async def test_what_was_flushed_is_settled(bench: Bench, fresh: Upload, tenths: int) -> None:
    journal = all_given(bench, fresh)
    async with bench.storage.writer(fresh, journal.record, FakeLease()) as writer:
        await writer.write(random_bytes(tenths * bench.grain // 10))
        await writer.flush()
    assert not writer.unsettled


@pytest.mark.parametrize("name", ["put_segment", "upload_part"])
async def test_a_write_that_is_broken_off_is_unsettled(
    bench: Bench, fresh: Upload, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    started = asyncio.Event()

    async def hang(*_: Any) -> None:
        started.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(Bucket, name, hang)
    writers = list[Writer]()

    async def write() -> None:
        journal = all_given(bench, fresh)
        async with bench.storage.writer(fresh, journal.record, FakeLease()) as writer:
            writers.append(writer)
            await writer.write(random_bytes(bench.grain + 3 if name == "upload_part" else 3))
            await writer.flush()

    writing = asyncio.create_task(write())
    await started.wait()
    writing.cancel()
    await asyncio.wait([writing])
    assert writers[0].unsettled


@pytest.mark.parametrize("unproven", [False, True])
async def test_parts_wait_until_their_bytes_are_proven(
    bench: Bench, fresh: Upload, monkeypatch: pytest.MonkeyPatch, *, unproven: bool
) -> None:
    part_sent, send = asyncio.Event(), Bucket.upload_part

    async def upload_part(bucket: Bucket, *arguments: Any) -> Any:
        part_sent.set()
        return await send(bucket, *arguments)

    monkeypatch.setattr(Bucket, "upload_part", upload_part)
    journal = all_given(bench, fresh)
    async with bench.storage.writer(fresh, journal.record, FakeLease(), unproven=unproven) as writer:
        await writer.write(random_bytes(bench.grain + 1))
        while not journal.checkpoints:  # the multipart upload is recorded  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        if not unproven:
            await part_sent.wait()
        await asyncio.sleep(0.05)
        assert part_sent.is_set() is not unproven
        await writer.flush()
    assert part_sent.is_set()
    assert journal.upload.offset == bench.grain + 1


async def test_the_trouble_of_one_write_is_not_forgotten_over_the_next(
    bench: Bench, fresh: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkpoint is troubled if the write of the info object before it was: the later write of bytes doesn't hide
    that. Without info objects it isn't."""

    async def put_info(*_: Any) -> StoredObject:
        return StoredObject(etag="e", troubled=True)

    monkeypatch.setattr(Bucket, "put_info", put_info)
    journal = all_given(bench, fresh)
    async with bench.storage.writer(fresh, journal.record, FakeLease()) as writer:
        await writer.write(b"abc")
        await writer.flush()
    informed = bool(fresh.cursor["info"] is None and journal.upload.cursor["info"])
    assert [checkpoint.troubled for checkpoint in journal.checkpoints] == [informed]
