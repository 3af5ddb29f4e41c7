"""The room that is left where things are stored, and how much of it is kept for what makes room."""

from __future__ import annotations

import os
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

MIB = 1024 * 1024
_MOST = 64 * MIB
_SHARE = 10
_BALLAST = 4 * MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """Bytes that are free in a store, and those of them that new uploads and new bytes may not take.

    Removal, expiry and finishing may: each of them writes a little before anything gets free.
    """

    free: int
    reserve: int

    @property
    def full(self) -> bool:
        return self.free < self.reserve


def reserve_of(size: int) -> int:
    """The reserve of a store of so many bytes."""
    return min(_MOST, size // _SHARE)


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
