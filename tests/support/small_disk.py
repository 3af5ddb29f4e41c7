"""A file system of a few megabytes, which a test can fill."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.support.parts import missing


class SmallDisk:
    """A small file system, mounted at `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._filler = path / "filler"

    @property
    def free(self) -> int:
        disk = os.statvfs(self.path)
        return disk.f_bavail * disk.f_frsize

    def fill(self, *, leave: int = 0) -> None:
        """Write a file, as another program would, until at most `leave` bytes are free."""
        with self._filler.open("ab", buffering=0) as filler, suppress(OSError):
            while self.free > leave:
                filler.write(bytes(min(65536, self.free - leave)))

    def empty(self) -> None:
        """Delete the file that `fill` wrote."""
        self._filler.unlink()


@contextmanager
def small_disk(path: Path, size: int) -> Iterator[SmallDisk]:
    """A file system of `size` bytes, mounted at the empty directory `path` while the block lasts. Without the right to
    mount, the test is skipped, or fails in CI."""
    mounting = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(path)], check=False)
    if mounting.returncode:
        missing("a small file system, for which one must be root,")
    try:
        yield SmallDisk(path)
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)
