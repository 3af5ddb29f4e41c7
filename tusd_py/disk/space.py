"""The free space of a disk, and a ballast file that reserves some of it."""

from __future__ import annotations

import os
from io import FileIO
from pathlib import Path

from tusd_py.domain.space import MIB, Space, reserve_of

_BALLAST = 4 * MIB


def disk_space(path: Path) -> Space:
    """Return the free bytes and the reserve of the file system that `path` is on. Raises OSError."""
    disk = os.statvfs(path)
    return Space(free=disk.f_bavail * disk.f_frsize, reserve=reserve_of(disk.f_blocks * disk.f_frsize))


class Ballast:
    """A file that reserves space, to be deleted when the disk, to which other programs also write, is full.

    Several processes may share one. `delete` and `restore` raise no OSError; `exists` shows their result.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def size(self) -> int:
        """The bytes that `restore` writes: 4 MiB, but at most a quarter of the disk's reserve, so that two
        ballasts (of the state and of the locks) take no more than half of the reserve; 4 MiB also if the disk's
        size is unknown.

        Raises OSError.
        """
        return min(_BALLAST, disk_space(self._path.parent).reserve // 4) or _BALLAST

    @property
    def exists(self) -> bool:
        return self._path.exists()

    def delete(self) -> None:
        try:
            self._path.unlink(missing_ok=True)
        except OSError:
            return

    def restore(self) -> None:
        """Write the file, unless it exists or would leave less than its own size free. If that fails, the file is
        deleted and no OSError is raised."""
        try:
            if not self.exists and disk_space(self._path.parent).free >= 2 * self.size:
                self._write(self.size)
        except OSError:
            self.delete()

    def _write(self, size: int) -> None:
        """Write a file of `size` random bytes, as some file systems store no zeros. Raises OSError."""
        fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode=0o600)
        with FileIO(fd, "w") as file:
            remaining = memoryview(os.urandom(size))
            while remaining:
                remaining = remaining[file.write(remaining) :]
