"""The files of a local storage, and faults that only a disk has; tests/contracts/test_storage*.py hold what applies to
each storage."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.local_files import failing, files, part_of
from tests.support.storages import LOW_DISK
from tests.support.writing import FakeLease, Journal, Sender, content, new_upload, random_bytes, stored
from tusd_py.domain.checkpoint import Checkpoint
from tusd_py.domain.errors import ConfigurationError, StorageUnavailable, UploadLost
from tusd_py.domain.phase import Phase
from tusd_py.domain.span import Span
from tusd_py.domain.upload import Kind
from tusd_py.storage.local import disk
from tusd_py.storage.local.storage import LocalStorage

BATCH, CHECKPOINT = LOW_DISK.disk_batch, LOW_DISK.disk_checkpoint


@pytest.fixture
async def storage(tmp_path: Path) -> AsyncIterator[LocalStorage]:
    local = LocalStorage(tmp_path / "data", LOW_DISK)
    yield local
    await local.aclose()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "data"


async def test_finished_object_is_a_private_file_of_its_id(storage: LocalStorage, root: Path) -> None:
    finished = await stored(storage, b"hello", metadata={"filename": b"../../evil"})
    assert (root / finished.id).read_bytes() == b"hello"
    assert (root / finished.id).stat().st_mode & 0o007 == 0
    assert files(root) == [finished.id]


async def test_partial_object_is_an_internal_file(storage: LocalStorage, root: Path) -> None:
    finished = await stored(storage, b"hello", kind=Kind.PARTIAL)
    assert files(root) == [".tusd-py/" + finished.id]


async def test_checkpoint_follows_its_sync(storage: LocalStorage, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sender = Sender(storage, random_bytes(5 * CHECKPOINT + 3))
    synced = [b""]
    real_fsync = os.fsync

    def fsync(fd: int) -> None:
        synced.append(part_of(root, sender.upload).read_bytes())
        real_fsync(fd)

    async def record(checkpoint: Checkpoint) -> None:
        assert synced[-1][: checkpoint.offset] == sender.data[: checkpoint.offset]
        await journal.record(checkpoint)

    monkeypatch.setattr(os, "fsync", fsync)
    journal = Journal(storage, sender.upload)
    async with storage.writer(sender.upload, record, FakeLease()) as writer:
        await sender.give(writer, journal, [7] * 47)
        await writer.flush()
    assert [checkpoint.offset for checkpoint in journal.checkpoints] == [84, 168, 252, 323]


async def test_bytes_that_a_crash_left_beyond_the_end_are_cut_off(storage: LocalStorage, root: Path) -> None:
    sender = Sender(storage, random_bytes(10))
    part_of(root, sender.upload).write_bytes(b"x" * 100)
    await sender.send()
    assert await content(storage, await sender.finish()) == sender.data


async def test_finish_resumes_after_the_rename(storage: LocalStorage) -> None:
    """If the server crashes after a finish renamed the part file, but before that is recorded, the next finish
    succeeds."""
    sender = Sender(storage, random_bytes(10))
    await sender.send()
    await storage.finish(sender.upload, ())
    assert await content(storage, await sender.finish()) == sender.data


async def test_truncated_part_is_lost(storage: LocalStorage, root: Path) -> None:
    sender = Sender(storage, random_bytes(10))
    await sender.send(5)
    os.truncate(part_of(root, sender.upload), 4)
    with pytest.raises(UploadLost):
        await sender.send()
    full = replace(sender.upload, offset=10, phase=Phase.FINISHING)
    with pytest.raises(UploadLost):
        await storage.finish(full, ())


async def test_missing_part_is_lost_and_not_recreated(storage: LocalStorage, root: Path) -> None:
    sender = Sender(storage, random_bytes(10))
    await sender.send(5)
    part_of(root, sender.upload).unlink()
    with pytest.raises(UploadLost):
        await sender.send()
    assert not part_of(root, sender.upload).exists()


async def test_an_object_of_another_size_is_lost(storage: LocalStorage, root: Path) -> None:
    finished = await stored(storage, b"hello")
    (root / finished.id).write_bytes(b"hell")
    with pytest.raises(UploadLost):
        await anext(storage.read(finished, Span(0, 1)))
    with pytest.raises(UploadLost):
        await storage.finish(finished, ())


async def test_full_disk_keeps_recorded_bytes(storage: LocalStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    sender = Sender(storage, random_bytes(5 * BATCH))
    journal = Journal(storage, sender.upload)
    async with storage.writer(sender.upload, journal.record, FakeLease()) as writer:
        await sender.give(writer, journal, [BATCH, BATCH])
        with monkeypatch.context() as patch:
            patch.setattr(os, "pwrite", failing(errno.ENOSPC))
            with pytest.raises(StorageUnavailable, match="No space"):
                await sender.give(writer, journal, [BATCH])
        assert journal.upload.offset == 2 * BATCH
        await writer.flush()
    sender.keep(journal)
    assert sender.upload.offset == 3 * BATCH
    await sender.send()
    assert await content(storage, await sender.finish()) == sender.data


async def test_a_disk_that_takes_bytes_in_dribs_gets_them_all(
    storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda fd, data, offset: real(fd, data[:3], offset))
    assert await content(storage, await stored(storage, random_bytes(100))) == random_bytes(100)


async def test_a_failed_sync_is_never_taken_back_by_a_later_one(
    storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A flush after a failed one fails too, and no checkpoint is made: Linux reports a lost page once, and the next
    fsync would succeed without it."""
    sender = Sender(storage, random_bytes(50))
    journal = Journal(storage, sender.upload)
    async with storage.writer(sender.upload, journal.record, FakeLease()) as writer:
        await sender.give(writer, journal, [50])
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", failing(errno.EIO))
            with pytest.raises(StorageUnavailable):
                await writer.flush()
        with pytest.raises(StorageUnavailable):
            await writer.flush()
    assert journal.checkpoints == []
    await sender.send()
    assert await content(storage, await sender.finish()) == sender.data


async def test_a_cancelled_write_leaves_only_after_its_thread(
    storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A write that is cancelled, even twice, ends only after its thread, which could else write into the next writer's
    bytes or into the file that gets the descriptor next."""
    sender = Sender(storage, random_bytes(BATCH))
    loop, started, go_on = asyncio.get_running_loop(), asyncio.Event(), threading.Event()
    real = os.pwrite

    def slow(*args: Any) -> int:
        loop.call_soon_threadsafe(started.set)
        go_on.wait()
        return real(*args)

    monkeypatch.setattr(os, "pwrite", slow)
    task = asyncio.create_task(sender.send())
    await started.wait()
    try:
        for _ in range(2):
            task.cancel()
            await asyncio.sleep(0)
            assert not task.done()
    finally:
        go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("copying", [failing(errno.EXDEV), lambda *_: 0])
async def test_copy_falls_back_to_read_and_write(
    storage: LocalStorage, monkeypatch: pytest.MonkeyPatch, copying: Callable[..., Any]
) -> None:
    """A concatenation reads and writes the bytes where `copy_file_range` fails with EXDEV or copies nothing."""
    sources = [await stored(storage, random_bytes(size), kind=Kind.PARTIAL) for size in (100, 30)]
    monkeypatch.setattr(os, "copy_file_range", copying)
    monkeypatch.setattr(disk, "_COPY_SIZE", 32)
    final = new_upload(storage, 130, kind=Kind.FINAL, phase=Phase.FINISHING)
    await storage.concatenate(final, sources)
    assert await content(storage, final) == random_bytes(100) + random_bytes(30)


async def test_object_syncs_before_and_after_its_rename(
    storage: LocalStorage, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A concatenated file is synced before its rename, and the folders that it leaves and enters after it."""
    source = await stored(storage, random_bytes(100), kind=Kind.PARTIAL)
    final = new_upload(storage, 100, kind=Kind.FINAL, phase=Phase.FINISHING)
    steps: list[int | str] = []
    fsync, rename = os.fsync, os.replace

    def log_fsync(fd: int) -> None:
        steps.append(os.fstat(fd).st_ino)
        fsync(fd)

    def log_rename(path: Path, target: str, *, dst_dir_fd: int) -> None:
        steps.append("rename")
        rename(path, target, dst_dir_fd=dst_dir_fd)

    monkeypatch.setattr(os, "fsync", log_fsync)
    monkeypatch.setattr(os, "replace", log_rename)
    await storage.concatenate(final, [source])
    file, work, top = [path.stat().st_ino for path in (root / final.id, root / ".tusd-py", root)]
    assert steps == [file, "rename", work, top]


async def test_a_source_that_shrinks_while_it_is_read_is_lost(
    storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = await stored(storage, random_bytes(100), kind=Kind.PARTIAL)
    final = new_upload(storage, 100, kind=Kind.FINAL, phase=Phase.FINISHING)
    monkeypatch.setattr(os, "copy_file_range", lambda *_: 0)
    monkeypatch.setattr(os, "pread", lambda *_: b"")
    with pytest.raises(UploadLost):
        await storage.concatenate(final, [source])
    with pytest.raises(UploadLost):
        await content(storage, source)


async def test_a_copy_that_was_cut_is_begun_again(storage: LocalStorage, root: Path) -> None:
    source = await stored(storage, random_bytes(100), kind=Kind.PARTIAL)
    final = new_upload(storage, 100, kind=Kind.FINAL, phase=Phase.FINISHING)
    part_of(root, final).write_bytes(b"x" * 200)
    await storage.concatenate(final, [source])
    assert await content(storage, final) == random_bytes(100)


async def test_a_directory_that_is_gone_fails_the_ping_and_new_uploads(storage: LocalStorage, root: Path) -> None:
    (root / ".tusd-py").rmdir()
    with pytest.raises(StorageUnavailable):
        await storage.ping()
    with pytest.raises(StorageUnavailable):
        await stored(storage, b"hello")


@pytest.mark.parametrize("call", ["fsync", "replace"])
async def test_an_id_that_cannot_be_written_leaves_no_file(
    storage: LocalStorage, root: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    monkeypatch.setattr(os, call, failing(errno.ENOSPC))
    with pytest.raises(StorageUnavailable):
        await storage.install("installation")
    assert files(root) == []


def test_a_directory_that_cannot_be_made_is_a_wrong_setting(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="Not a directory"):
        LocalStorage(tmp_path / "file")


async def test_it_is_named_by_its_absolute_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    storage = LocalStorage(Path("data"))
    assert storage.name == f"file:{tmp_path}/data"
    await storage.aclose()
