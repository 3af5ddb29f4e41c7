"""The file that holds an unfinished upload's bytes, until it becomes the object.

A writer holds the file's lock while it writes, and a finish while it cuts and renames the file. Without the lock, a
writer whose process stood still could write after the finish, and so change the object.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from tusd_py.domain.errors import StorageUnavailable, Superseded, UploadLost
from tusd_py.domain.upload import Kind, Upload
from tusd_py.ports.locks import Lease
from tusd_py.storage.local.disk import Disk, Headroom, exclusive_lock, is_at, open_file, write_at


class PartFile:
    """The file that holds an unfinished upload's bytes, opened by one writer."""

    def __init__(self, path: Path, fd: int, disk: Disk, headroom: Headroom, lease: Lease) -> None:
        self._path, self._fd, self._disk, self._headroom, self._lease = path, fd, disk, headroom, lease
        self._sync_failed = False

    async def write(self, data: bytes, offset: int, *, sync: bool = False) -> None:
        """Write `data` at `offset`; with `sync`, also make it and all earlier writes durable. Raises Superseded if the
        writer's lease has run out, or the file was renamed or removed; StorageUnavailable if the disk fails or is full,
        or another writer or a finish has the file's lock.
        """
        await self._disk.run(partial(self._write_locked, data, offset, sync=sync))

    async def sync(self) -> None:
        await self._disk.run(self._sync)

    def _write_locked(self, data: bytes, offset: int, *, sync: bool) -> None:
        """Check that the writer's lease hasn't run out and that this is still the part file, and write, under one
        file lock: while a process is paused in between, no other can write or finish. Raises Superseded,
        StorageUnavailable, OSError.
        """
        with self._headroom.take(len(data)), exclusive_lock(self._fd):
            self._lease.check()
            if not is_at(self._path, self._fd):
                raise Superseded(self._path.name)
            write_at(self._fd, data, offset)
        if sync:
            self._sync()

    def _sync(self) -> None:
        """Call fsync. Raises OSError if that fails; each later call raises StorageUnavailable, as the kernel
        drops the unwritten pages.
        """
        if self._sync_failed:
            raise StorageUnavailable("an earlier fsync of this file failed: send the bytes again")
        try:
            os.fsync(self._fd)
        except OSError:
            self._sync_failed = True
            raise


@contextmanager
def sealed(path: Path, upload: Upload, mode: int) -> Iterator[None]:
    """Cut the part file to the upload's length, make it durable, and keep it locked while the caller renames it. For an
    empty upload without a part file, first create one with the mode `mode`.

    Raises UploadLost if the file or bytes of it are missing; BlockingIOError while a writer, which may have lost its
    lease, is writing, or while another finish has the file's lock.
    """
    create = os.O_CREAT if upload.length == 0 else 0
    with ExitStack() as stack:
        fd = open_file(path, os.O_RDWR | create, stack, mode)
        stack.enter_context(exclusive_lock(fd))
        size = os.fstat(fd).st_size
        if upload.length is None or size < upload.length or not is_at(path, fd):
            raise UploadLost(upload.id)
        if size > upload.length or not _is_durable(upload):
            os.ftruncate(fd, upload.length)
            os.fsync(fd)
        yield


def _is_durable(upload: Upload) -> bool:
    """Return True if the upload has recorded bytes: writers, and a repair, call fsync before they record. False for a
    final upload, whose bytes are copied without fsync, and for an empty one.
    """
    return upload.kind is not Kind.FINAL and upload.offset > 0
