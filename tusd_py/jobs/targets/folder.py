"""A place for copies of uploads, made by jobs of the kind `copy`, in a local folder."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import hashlib
import os
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from functools import partial
from pathlib import Path

from tusd_py.disk.files import make_directory
from tusd_py.domain.job_faults import PassingFault
from tusd_py.domain.metadata import Metadata
from tusd_py.storage.local.disk import is_at, sync_directory, write_at
from tusd_py.tasks import wait_out

_NO_KEY = "\u00a0"
"""A character that no key has: it isn't printable."""


class FolderTarget:
    """A `Target` (`jobs.kinds.copy`) that writes files into a folder, without metadata. A file has a hidden name, which
    no key can be, until all its bytes are durable."""

    def __init__(self, path: Path, mode: int) -> None:
        """Have `write` put files below the folder `path`, with the permissions `mode`, which the umask
        doesn't change."""
        self._path, self._mode = path.absolute(), mode

    async def write(
        self,
        key: str,
        size: int,  # noqa: ARG002  the port's signature
        metadata: Metadata,  # noqa: ARG002  the port's signature
        chunks: AsyncGenerator[bytes, None],
    ) -> None:
        file = _CopyFile(self._path, key, self._mode)
        async with aclosing(chunks):
            try:
                await _write(file, chunks)
            except OSError as error:
                raise PassingFault("copy-failed", f"the place can't be written to: {error.strerror}") from None


async def _write(file: _CopyFile, chunks: AsyncGenerator[bytes, None]) -> None:
    """Write the bytes of `chunks` to the file, and move it to its key's name once they are durable; after an error or a
    cancellation, remove it. If this coroutine is cancelled, a method of `file` that has begun is waited for: it would
    go on in its thread, and the name of the unfinished file must not become another copy's meanwhile. Raises OSError,
    and what `chunks` raises."""
    try:
        await _block(file.open)
        async for chunk in chunks:
            await _block(partial(file.write, chunk))
        await _block(file.sync)
        await _block(file.move)
    finally:
        await _block(file.close)


async def _block(work: Callable[[], None]) -> None:
    """Call `work` in a thread, and wait until it has ended also if cancelled. Raises what `work` raises."""
    await wait_out(asyncio.get_running_loop().run_in_executor(None, work))


class _CopyFile:
    """The file of one copy under way, locked against other copies to the same key. Until `move`, it has a temporary
    name, in the directory that it is to be in. Every method blocks and may raise OSError. Call `open`, `write` for each
    piece, `sync` and `move` in this order, and `close` at the end, also after an error."""

    def __init__(self, folder: Path, key: str, mode: int) -> None:
        self._folder, self._mode = folder, mode
        self._place = folder / key
        digest = hashlib.blake2b(self._place.name.encode(), digest_size=16).hexdigest()
        self._unfinished = self._place.with_name(f".{digest}{_NO_KEY}.part")
        self._descriptor: int | None = None
        self._size = 0

    def open(self) -> None:
        """Create the file, and the directories above it. What a killed process has left of it is overwritten. Raises
        OSError also if a link leads out of the folder, or another copy to the same key is under way."""
        if not self._place.parent.resolve().is_relative_to(self._folder.resolve()):
            raise PermissionError(errno.EPERM, "a link leads out of the folder")
        make_directory(self._place.parent, self._mode)
        descriptor = os.open(self._unfinished, os.O_CREAT | os.O_WRONLY | os.O_NOFOLLOW, self._mode)
        try:
            self._claim(descriptor)
            os.fchmod(descriptor, self._mode)  # also against the umask, and for what an earlier process left
        except OSError:
            os.close(descriptor)
            raise
        self._descriptor = descriptor

    def write(self, data: bytes) -> None:
        """Add `data` at the end."""
        write_at(self._open_descriptor, data, self._size)
        self._size += len(data)

    def sync(self) -> None:
        """Make the bytes durable."""
        os.fsync(self._open_descriptor)

    def move(self) -> None:
        """Rename the file to the name of its key, durably, replacing a file of that name. Raises OSError also if
        another program has removed the unfinished file.
        """
        if not self._has_name(self._open_descriptor):
            raise FileNotFoundError(errno.ENOENT, "another program has removed the unfinished file")
        self._unfinished.replace(self._place)
        sync_directory(self._place.parent)

    def close(self) -> None:
        """Remove the file, unless it was moved; then unlock and close it. Does nothing if the file wasn't opened."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None:
            return
        with suppress(OSError):
            if self._has_name(descriptor):
                self._unfinished.unlink()
        os.close(descriptor)

    def _claim(self, descriptor: int) -> None:
        """Lock the file against other copies to the same key, and empty it. Raises OSError if another copy has the
        lock, or has just moved or removed the file."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_free = self._has_name(descriptor)
        except BlockingIOError:
            is_free = False
        if not is_free:
            raise FileExistsError(errno.EEXIST, "another copy to it is under way")
        os.ftruncate(descriptor, 0)

    def _has_name(self, descriptor: int) -> bool:
        """Return True if the open file `descriptor` is the one under the unfinished file's name. If so, no other copy
        replaces or removes the file under that name while the open file is locked."""
        return is_at(self._unfinished, descriptor)

    @property
    def _open_descriptor(self) -> int:
        assert self._descriptor is not None  # noqa: S101  for mypy: `open` sets it
        return self._descriptor
