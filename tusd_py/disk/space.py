"""The bytes that are free on a disk, and a file that takes some up to give them back."""

from __future__ import annotations

import os
from io import FileIO
from pathlib import Path

from tusd_py.domain.space import MIB, Space, reserve_of

_BALLAST = 4 * MIB


def disk_space(path: Path) -> Space:
    """Of the file system that `path` is on. Raises OSError."""
    disk = os.statvfs(path)
    return Space(free=disk.f_bavail * disk.f_frsize, reserve=reserve_of(disk.f_blocks * disk.f_frsize))


class Ballast:
    """A file that takes up room, and is given up when a disk that others write to as well is full to the last byte.

    Several processes may share one. No method raises: a ballast is there or it isn't.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def size(self) -> int:
        """A quarter of the reserve on a small disk: two may lie there. Raises OSError."""
        return min(_BALLAST, disk_space(self._path.parent).reserve // 4) or _BALLAST

    @property
    def there(self) -> bool:
        return self._path.exists()

    def give_up(self) -> None:
        try:
            self._path.unlink(missing_ok=True)
        except OSError:
            return

    def restore(self) -> None:
        """Write it, unless it is there or would leave less than its own size free."""
        try:
            if not self.there and disk_space(self._path.parent).free >= 2 * self.size:
                self._write(self.size)
        except OSError:
            self.give_up()

    def _write(self, size: int) -> None:
        """Random bytes, as some file systems keep no room for zeros."""
        fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode=0o600)
        with FileIO(fd, "w") as file:
            rest = memoryview(os.urandom(size))
            while rest:
                rest = rest[file.write(rest) :]
