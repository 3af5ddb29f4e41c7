"""A UNIX socket and the file that it is reached by: one server's at a time, and gone with it."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

BACKLOG = 128
"""Connections that wait to be accepted: asyncio takes so many at a time."""
MODE = 0o660
"""A proxy in the same group may connect; beyond that, the directory says who may."""


@dataclass(frozen=True, slots=True)
class SocketFile:
    """Of a socket that this process has bound."""

    path: Path
    inode: tuple[int, int] | None
    """Device and number: no other file's while the socket is open."""

    def remove(self) -> None:
        """Unless another server's is in its place by now."""
        if _inode(self.path) == self.inode:
            self.path.unlink()


def listen_at(path: Path) -> tuple[socket.socket, SocketFile]:
    """In place of what a dead server left there. It listens at once: one that doesn't is taken for a dead server's.

    Raises OSError: EADDRINUSE where a server answers, EEXIST where there is something else.
    """
    with _alone_in(path.parent):
        _clear(path)
        return _listening(path)


def _listening(path: Path) -> tuple[socket.socket, SocketFile]:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        made.bind(str(path))
        path.chmod(MODE)
        made.listen(BACKLOG)
        return made, SocketFile(path, _inode(path))
    except OSError:
        made.close()
        raise


@contextmanager
def _alone_in(directory: Path) -> Iterator[None]:
    """Another server that starts there waits meanwhile: else each could remove the other's file."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _clear(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
    if _answers(path):
        raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
    path.unlink()


def _answers(path: Path) -> bool:
    """Raises OSError where that can't be known."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.setblocking(False)
        try:
            asking.connect(str(path))
        except ConnectionRefusedError:
            return False
        except BlockingIOError:  # as many wait there as may
            return True
        return True


def _inode(path: Path) -> tuple[int, int] | None:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
