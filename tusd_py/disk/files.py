"""Directories and files that are made for this process's user, and for others only as a setting says."""

from __future__ import annotations

import errno
import os
from pathlib import Path

PRIVATE = 0o600
"""The mode of a file that only its owner reads."""


def make_directory(path: Path, mode: int = PRIVATE) -> None:
    """Make the directory and those above it that aren't there, open to those who may read files of this mode.

    One that is there stays as it is. Raises OSError.
    """
    if path.is_dir():
        return
    make_directory(path.parent, mode)
    try:
        path.mkdir()
    except FileExistsError as error:
        if path.is_dir():
            return
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path)) from error
    path.chmod(directory_mode(mode))


def directory_mode(mode: int) -> int:
    """Of a directory with files of this mode: who may read them may enter it."""
    return mode | (mode & 0o444) >> 2


def make_file(path: Path, mode: int = PRIVATE) -> None:
    """Make an empty file unless there is one. Raises OSError."""
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)
    except FileExistsError:
        return
    os.close(descriptor)
