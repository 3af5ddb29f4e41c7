"""UNIX sockets and their files. A file belongs to one server at a time, which removes it at its end."""

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
"""Connections that may wait to be accepted: as many as asyncio accepts at a time."""
MODE = 0o660
"""The mode of a UNIX socket's file: a proxy in the same group may connect. The directory's mode can restrict that
further."""


@dataclass(frozen=True, slots=True)
class SocketFile:
    """The file of a socket that this process has bound."""

    path: Path
    inode: tuple[int, int] | None
    """Device and inode number, which no other file has while the socket is open; None if the file was gone as soon as
    the socket listened."""

    def remove(self) -> None:
        """Remove the file, unless it was removed, or another server has replaced it."""
        if self.inode is not None and _inode(self.path) == self.inode:
            self.path.unlink()


def listen_at(path: Path) -> tuple[socket.socket, SocketFile]:
    """Return a socket that listens at the path, and its file; replace the file of a server that has ended. The socket
    listens from the start, since another server would take the file of a silent socket for that of an ended server.

    Raises OSError, with EADDRINUSE if a server answers there, and EEXIST if the path isn't a socket.
    """
    with _locked(path.parent):
        _clear(path)
        return _listen(path)


def _listen(path: Path) -> tuple[socket.socket, SocketFile]:
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listening.bind(str(path))
        path.chmod(MODE)
        listening.listen(BACKLOG)
        return listening, SocketFile(path, _inode(path))
    except OSError:
        listening.close()
        raise


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Lock the directory for the time of the context, and wait for the lock: two servers that start in it at a time
    could remove each other's files. Raises OSError."""
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
    """Return True if a server listens at the path. Raises OSError if that can't be determined."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.setblocking(False)
        try:
            client.connect(str(path))
        except ConnectionRefusedError:
            return False
        except BlockingIOError:  # its backlog is full
            return True
        return True


def _inode(path: Path) -> tuple[int, int] | None:
    try:
        status = path.lstat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino
