"""Blocking file work: what it takes to make bytes durable, and the threads to do it in. Knows paths, not uploads."""

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
from functools import partial
from io import FileIO
from pathlib import Path
from typing import TypeVar

from tusd_py.disk.files import PRIVATE
from tusd_py.disk.space import disk_space
from tusd_py.domain.errors import StorageFull, StorageUnavailable, UploadLost
from tusd_py.ports.locks import Lease

_BLOCK = 1024 * 1024
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)

T = TypeVar("T")


class Disk:
    """Runs blocking work in threads of its own, so that a slow disk holds up nothing else."""

    def __init__(self, threads: int) -> None:
        self._threads = ThreadPoolExecutor(threads, "tusd-py-disk")

    async def run(self, work: Callable[[], T]) -> T:
        """What `work` returns. Raises StorageUnavailable for an OSError.

        A thread can't be stopped. So a cancelled call still ends only after its work: none outlives the file it was
        given, or the turn of the writer it is done for.
        """
        running = asyncio.get_running_loop().run_in_executor(self._threads, work)
        try:
            return await _to_its_end(running)
        except OSError as error:
            kind = StorageFull if error.errno in _NO_ROOM else StorageUnavailable
            raise kind(f"the disk failed: {error.strerror or error}") from error

    def close(self) -> None:
        self._threads.shutdown()


async def _to_its_end(running: asyncio.Future[T]) -> T:
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        while not running.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait((running,))
        running.exception()  # seen, so that asyncio doesn't report it as lost
        raise


class Allowance:
    """What may be written to the file system of `path` before its reserve is reached, by all threads together."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._promised = 0

    @contextmanager
    def take(self, count: int) -> Iterator[None]:
        """While so many bytes are written. Raises StorageFull."""
        with self._lock:
            space = disk_space(self._path)
            if space.free - self._promised - count < space.reserve:
                raise StorageFull(f"too little room is left on the disk of {self._path}: free some")
            self._promised += count
        try:
            yield
        finally:
            with self._lock:
                self._promised -= count


class PartFile:
    """The growing file of one upload, in the hands of one writer."""

    def __init__(self, fd: int, disk: Disk, allowance: Allowance, lease: Lease) -> None:
        self._fd, self._disk, self._allowance, self._lease = fd, disk, allowance, lease
        self._torn = False

    async def write(self, data: bytes, offset: int, *, sync: bool = False) -> None:
        """With `sync` it is durable then, like all that was written before."""
        await self._disk.run(partial(self._write_in_turn, data, offset, sync=sync))

    async def sync(self) -> None:
        await self._disk.run(self._sync)

    def _write_in_turn(self, data: bytes, offset: int, *, sync: bool) -> None:
        """The lock ties the check to the write: a process that is paused between them blocks its successor's write."""
        with self._allowance.take(len(data)), exclusive(self._fd):
            self._lease.check()
            write_at(self._fd, data, offset)
        if sync:
            self._sync()

    def _sync(self) -> None:
        """Once it failed it fails for good: the kernel forgets what it could not write, and would say yes next time."""
        if self._torn:
            raise StorageUnavailable("the disk failed to keep what was written")
        try:
            os.fsync(self._fd)
        except OSError:
            self._torn = True
            raise


def open_file(path: Path, flags: int, stack: ExitStack, mode: int = PRIVATE) -> int:
    """A descriptor that lives as long as `stack`. Raises UploadLost when a file that should be there isn't."""
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
def exclusive(fd: int) -> Iterator[None]:
    """Alone on this file, among all processes of this machine. Raises BlockingIOError when somebody else is."""
    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    try:
        yield
    finally:
        fcntl.flock(fd, fcntl.LOCK_UN)


def write_at(fd: int, data: bytes, offset: int) -> None:
    """All of `data`: one pwrite may take less, on a disk that is almost full."""
    rest = memoryview(data)
    while rest:
        written = os.pwrite(fd, rest, offset)
        rest, offset = rest[written:], offset + written


def copy_some(source: int, target: int, start: int, stop: int, at: int) -> int:
    """Copy bytes from `start` on, up to `stop` at most, to `at` of another file; how many, 0 at the source's end."""
    with suppress(OSError, AttributeError):  # not on every system, nor between all file systems
        if copied := os.copy_file_range(source, target, stop - start, start, at):
            return copied
    data = os.pread(source, min(_BLOCK, stop - start), start)
    write_at(target, data, at)
    return len(data)


def size_of(path: Path) -> int | None:
    """In bytes; None if there is no such file."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None


def text_of(path: Path) -> str | None:
    """All of a small file; None if there is no such file."""
    try:
        return path.read_text(errors="replace")
    except FileNotFoundError:
        return None


def keep_text(path: Path, text: str) -> None:
    """Make this the file's text, durable and never seen by halves; nothing is written where it is the text."""
    if text_of(path) == text:
        return
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as new:
        new.write(text)
        new.flush()
        os.fsync(new.fileno())
    Path(new.name).replace(path)
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Make names that came or went durable."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
