"""Directories and files that only this process's user may access, unless a setting allows others."""

from __future__ import annotations

import errno
import os
from pathlib import Path

PRIVATE = 0o600
"""The mode of a file that only its owner may read and write."""


def make_directory(path: Path, mode: int = PRIVATE) -> None:
    """Make the directory and its missing parents, accessible to the users that may read files of mode `mode`.

    An existing directory is left as it is. Raises OSError.
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
    """Return the mode of a directory for files of mode `mode`: users that may read the files may enter it."""
    return mode | (mode & 0o444) >> 2


def make_file(path: Path) -> None:
    """Make an empty file that only its owner may use, unless the file exists. Raises OSError."""
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE)
    except FileExistsError:
        return
    os.close(descriptor)
