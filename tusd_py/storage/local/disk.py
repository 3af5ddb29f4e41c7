"""Blocking file operations that make bytes durable, and the threads that run them. Knows paths, not uploads."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import TypeVar

from tusd_py.disk.files import PRIVATE
from tusd_py.disk.space import disk_space
from tusd_py.domain.errors import StorageFull, StorageUnavailable, UploadLost
from tusd_py.tasks import wait_out

_COPY_SIZE = 1024 * 1024
"""The most bytes to copy at a time where the kernel can't copy between the files."""
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)

T = TypeVar("T")


class Disk:
    """A thread pool for blocking file operations, so that a slow disk doesn't block the event loop."""

    def __init__(self, threads: int) -> None:
        self._threads = ThreadPoolExecutor(threads, "tusd-py-disk")

    async def run(self, work: Callable[[], T]) -> T:
        """Run `work` in a thread and return its result. Raises StorageUnavailable for an OSError of `work`, StorageFull
        if the error is that a disk or a quota is full; other exceptions of `work` as they are.

        A thread can't be stopped, so a cancelled call ends only once `work` has ended: until then the caller keeps open
        the file that `work` uses, and keeps the upload's lock.
        """
        running = asyncio.get_running_loop().run_in_executor(self._threads, work)
        try:
            return await wait_out(running)
        except OSError as error:
            kind = StorageFull if error.errno in _DISK_FULL else StorageUnavailable
            raise kind(f"the disk failed: {error.strerror or error}") from error

    def close(self) -> None:
        self._threads.shutdown()


class Headroom:
    """The free space above the reserve on the file system of `path`, shared by all threads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._pending = 0

    @contextmanager
    def take(self, count: int) -> Iterator[None]:
        """Reserve space for `count` bytes while they are written. Raises StorageFull if fewer are free, not counting
        the disk's reserve and the space that other threads have reserved here; OSError."""
        with self._lock:
            space = disk_space(self._path)
            if space.free - self._pending - count < space.reserve:
                raise StorageFull(f"too little space is left on the disk of {self._path}: free some")
            self._pending += count
        try:
            yield
        finally:
            with self._lock:
                self._pending -= count


def open_file(path: Path, flags: int, stack: ExitStack, mode: int = PRIVATE) -> int:
    """Open the file and return its descriptor, which `stack` closes. `mode` is the mode of a file that `flags` create.
    Raises UploadLost if the file is missing and `flags` lack O_CREAT; OSError if it can't be opened otherwise."""
    try:
        descriptor = stack.enter_context(FileIO(os.open(path, flags, mode=PRIVATE))).fileno()
    except FileNotFoundError as error:
        if flags & os.O_CREAT:
            raise
        raise UploadLost(path.name) from error
    if flags & os.O_CREAT and mode != PRIVATE:
        os.fchmod(descriptor, mode)
    return descriptor


@contextmanager
def exclusive_lock(fd: int) -> Iterator[None]:
    """Lock the file exclusively among all processes of this machine. Raises BlockingIOError if it is locked."""
    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    try:
        yield
    finally:
        fcntl.flock(fd, fcntl.LOCK_UN)


def is_at(path: Path, fd: int) -> bool:
    """Return True if the path names the open file itself, no symbolic link to it: the file was neither renamed nor
    removed."""
    try:
        return os.path.samestat(path.lstat(), os.fstat(fd))
    except FileNotFoundError:
        return False


def write_at(fd: int, data: bytes, offset: int) -> None:
    """Write all of `data` at `offset`: one pwrite may write less, on a disk that is almost full."""
    remaining = memoryview(data)
    while remaining:
        written = os.pwrite(fd, remaining, offset)
        remaining, offset = remaining[written:], offset + written


def copy_chunk(source: int, target: int, start: int, stop: int, at: int) -> int:
    """Copy bytes `start` to `stop`, or fewer, to offset `at` of `target`; return how many, 0 at the source's end."""
    with suppress(OSError, AttributeError):  # not every system has it, nor every pair of file systems
        if copied := os.copy_file_range(source, target, stop - start, start, at):
            return copied
    data = os.pread(source, min(_COPY_SIZE, stop - start), start)
    write_at(target, data, at)
    return len(data)


def file_size(path: Path) -> int | None:
    """Return the file's size in bytes, or None if there is no such file."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None


def read_text(path: Path) -> str | None:
    """Return the text of a small file, or None if there is no such file."""
    try:
        return path.read_text(errors="replace")
    except FileNotFoundError:
        return None


def replace_text(path: Path, text: str) -> None:
    """Replace the file's text atomically and durably; write nothing if it is unchanged."""
    if read_text(path) == text:
        return
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as new:
        try:
            new.write(text)
            new.flush()
            os.fsync(new.fileno())
            Path(new.name).replace(path)
        except BaseException:
            Path(new.name).unlink(missing_ok=True)
            raise
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Make created and removed names in the directory durable."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def try_to_write(folder: Path) -> None:
    """Write and fsync a byte in a temporary file, which doesn't remain. Raises OSError."""
    with tempfile.TemporaryFile(dir=folder, buffering=0) as probe:
        probe.write(b".")
        os.fsync(probe.fileno())
