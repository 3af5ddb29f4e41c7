"""Copies in a local folder."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import hashlib
import os
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from pathlib import Path
from typing import BinaryIO

from tusd_py.disk.files import make_directory
from tusd_py.domain.job_faults import PassingFault
from tusd_py.domain.metadata import Metadata
from tusd_py.storage.local.disk import sync_directory


class FolderTarget:
    """A `Target` that writes files into a folder, without metadata. A file has a hidden name until all its bytes are
    durable."""

    def __init__(self, path: Path, mode: int) -> None:
        """Write files below `path` with the permissions `mode`."""
        self._path, self._mode = path.absolute(), mode

    async def write(
        self,
        key: str,
        size: int,  # noqa: ARG002  the port's signature
        metadata: Metadata,  # noqa: ARG002  the port's signature
        chunks: AsyncGenerator[bytes, None],
    ) -> None:
        path = self._path / key
        unfinished = path.parent / f".{hashlib.blake2b(path.name.encode(), digest_size=16).hexdigest()}.part"
        async with aclosing(chunks):
            try:
                await self._write(path, unfinished, chunks)
            except OSError as error:
                raise PassingFault("copy-failed", f"the place can't be written to: {error.strerror}") from None

    async def _write(self, path: Path, unfinished: Path, chunks: AsyncGenerator[bytes, None]) -> None:
        file = await asyncio.to_thread(self._open, path, unfinished)
        try:
            async for chunk in chunks:
                await asyncio.to_thread(file.write, chunk)
            await asyncio.to_thread(_settle, file, unfinished, path)
        except BaseException:
            _remove(unfinished)
            raise
        finally:
            file.close()

    def _open(self, path: Path, unfinished: Path) -> BinaryIO:
        """Create the file `unfinished` to write into, and the directories above it; `path`, in the same directory, is
        the place of the whole copy. Raises OSError, also if a link leads out of the folder, or another copy to the same
        key is under way."""
        if not path.parent.resolve().is_relative_to(self._path.resolve()):
            raise PermissionError(1, "a link leads out of the folder")
        make_directory(path.parent, self._mode)
        file = os.fdopen(os.open(unfinished, os.O_CREAT | os.O_WRONLY | os.O_NOFOLLOW, self._mode), "wb")
        try:
            _claim(file, unfinished)
        except OSError:
            file.close()
            raise
        return file


def _claim(file: BinaryIO, unfinished: Path) -> None:
    """Lock the file against other copies to the same key, and empty it. Raises OSError if another copy has the lock, or
    has just moved the file to its place."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        is_taken = not os.path.samestat(os.fstat(file.fileno()), unfinished.lstat())
    except (BlockingIOError, FileNotFoundError):
        is_taken = True
    if is_taken:
        raise FileExistsError(errno.EEXIST, "another copy to it is under way")
    file.truncate(0)


def _remove(file: Path) -> None:
    with suppress(OSError):
        file.unlink(missing_ok=True)


def _settle(file: BinaryIO, unfinished: Path, path: Path) -> None:
    """Make the file's bytes durable, then move it from `unfinished` to `path`, durably, too. Raises OSError."""
    file.flush()
    os.fsync(file.fileno())
    unfinished.replace(path)
    sync_directory(path.parent)
