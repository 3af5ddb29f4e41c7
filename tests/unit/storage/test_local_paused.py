"""Writers on a disk whose process stood still while others went on with the upload."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.storages import LOW_DISK
from tests.support.writing import FakeLease, Journal, Sender, content, new_upload, random_bytes
from tusd_py.domain.errors import StorageUnavailable, Superseded
from tusd_py.domain.lifecycle import fill, mark_done
from tusd_py.domain.upload import Upload
from tusd_py.ports.storage import Writer
from tusd_py.storage.local.storage import LocalStorage


@pytest.fixture
async def storage(tmp_path: Path) -> AsyncIterator[LocalStorage]:
    local = LocalStorage(tmp_path, replace(LOW_DISK, disk_threads=4))
    yield local
    await local.aclose()


class PausingLease(FakeLease):
    """A lease whose check passes, but returns only once the event `go_on` is set, as if the process stood still."""

    def __init__(self) -> None:
        super().__init__()
        self.paused, self.go_on = threading.Event(), threading.Event()

    def check(self) -> None:
        self.paused.set()
        self.go_on.wait()


@asynccontextmanager
async def paused(storage: LocalStorage, upload: Upload, data: bytes) -> AsyncIterator[asyncio.Task[None]]:
    """A writer that stands still between the check of its lease and its write, and goes on after the context."""
    lease = PausingLease()

    async def write() -> None:
        async with storage.writer(upload, Journal(storage, upload).record, lease) as writer:
            await writer.write(data)

    writing = asyncio.create_task(write())
    try:
        await asyncio.to_thread(lease.paused.wait)
        yield writing
    finally:
        lease.go_on.set()
        await asyncio.wait([writing])


async def started_upload(storage: LocalStorage, data: bytes) -> Upload:
    """An upload without a length that has got the data."""
    sender = Sender(storage, data, new_upload(storage, None))
    await sender.send()
    return sender.upload


async def test_paused_writer_blocks_its_successor(storage: LocalStorage) -> None:
    sender = Sender(storage, random_bytes(LOW_DISK.disk_batch))
    async with paused(storage, sender.upload, b"stale" * LOW_DISK.disk_batch):
        with pytest.raises(StorageUnavailable):
            await sender.send()
    await sender.send()
    assert await content(storage, await sender.finish()) == sender.data


async def test_paused_writer_holds_up_the_finish(storage: LocalStorage) -> None:
    """A finish raises StorageUnavailable while a writer whose process stands still may yet write into the part file,
    and succeeds afterwards."""
    open_one = await started_upload(storage, random_bytes(100))
    full = fill(open_one, 100)
    async with paused(storage, open_one, b"late" * LOW_DISK.disk_batch):
        with pytest.raises(StorageUnavailable):
            await storage.finish(full, ())
    done = mark_done(full, await storage.finish(full, ()))
    assert await content(storage, done) == random_bytes(100)


async def test_a_writer_does_not_write_into_the_object(storage: LocalStorage) -> None:
    open_one = await started_upload(storage, random_bytes(100))
    full = fill(open_one, 100)
    async with storage.writer(open_one, Journal(storage, open_one).record, FakeLease()) as late:
        done = mark_done(full, await storage.finish(full, ()))
        await refuses(late)
    assert await content(storage, done) == random_bytes(100)


async def test_a_writer_does_not_write_beside_a_removed_part(storage: LocalStorage) -> None:
    open_one = await started_upload(storage, random_bytes(100))
    async with storage.writer(open_one, Journal(storage, open_one).record, FakeLease()) as late:
        await storage.discard(open_one)
        await refuses(late)


async def refuses(writer: Writer) -> None:
    with pytest.raises(Superseded):
        await writer.write(b"late" * LOW_DISK.disk_batch)
