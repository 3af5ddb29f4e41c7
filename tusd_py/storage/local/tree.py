"""Files below one directory, by names with slashes in them. No symbolic link below it is followed.

Blocking, and every method may raise OSError.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from pathlib import Path
from stat import S_ISREG

from tusd_py.disk.files import PRIVATE, directory_mode

_FOLDER = os.O_RDONLY | os.O_DIRECTORY


class Tree:
    """Folders are made open to those who may read files of this mode."""

    def __init__(self, root: Path, mode: int = PRIVATE) -> None:
        self._root, self._mode = root, directory_mode(mode)

    def size(self, name: str) -> int | None:
        """In bytes; None if there is no such file."""
        with suppress(FileNotFoundError), self._parent(name) as folder:
            found = os.stat(_last(name), dir_fd=folder, follow_symlinks=False)
            return found.st_size if S_ISREG(found.st_mode) else None
        return None

    def open(self, name: str) -> int:
        """A descriptor to read from. Raises FileNotFoundError."""
        with self._parent(name) as folder:
            return os.open(_last(name), os.O_RDONLY | os.O_NOFOLLOW, dir_fd=folder)

    def put(self, source: Path, name: str) -> None:
        """Have the file under this name; it counts once it is synced."""
        with self._folders(name, make=True) as folders:
            os.replace(source, _last(name), dst_dir_fd=folders[-1])

    def sync(self, name: str) -> None:
        """Make the file's name durable, and those of its folders."""
        with self._folders(name) as folders:
            _sync(folders)

    def remove(self, name: str, owner: str) -> None:
        """And the folders that are its owner's alone: the first with the owner in its name, and those in it.

        Nothing there is fine; what others have put into the folders stays.
        """
        *names, last = name.split("/")
        shared = next((depth for depth, folder in enumerate(names) if owner in folder), len(names))
        with self._folders(name) as folders:
            if len(folders) > len(names):
                with suppress(FileNotFoundError):
                    os.unlink(last, dir_fd=folders[-1])
            for folder, parent in reversed(list(zip(names, folders[:-1], strict=False))[shared:]):
                _remove_if_empty(folder, parent)
            _sync(folders)

    @contextmanager
    def _parent(self, name: str) -> Iterator[int]:
        with self._folders(name) as folders:
            if len(folders) <= name.count("/"):
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
            yield folders[-1]

    @contextmanager
    def _folders(self, name: str, *, make: bool = False) -> Iterator[Sequence[int]]:
        """Descriptors of the root and the folders on the way to a file, as far as they are there; all, with `make`."""
        with ExitStack() as stack:
            found = [_kept(os.open(self._root, _FOLDER), stack)]
            with nullcontext() if make else suppress(FileNotFoundError):
                for folder in name.split("/")[:-1]:
                    found.append(_kept(self._enter(folder, found[-1], make=make), stack))
            yield found

    def _enter(self, folder: str, parent: int, *, make: bool) -> int:
        made = make and _made(folder, parent)
        descriptor = os.open(folder, _FOLDER | os.O_NOFOLLOW, dir_fd=parent)
        if made:
            os.fchmod(descriptor, self._mode)
        return descriptor


def _last(name: str) -> str:
    return name.rsplit("/", maxsplit=1)[-1]


def _kept(descriptor: int, stack: ExitStack) -> int:
    stack.callback(os.close, descriptor)
    return descriptor


def _made(folder: str, parent: int) -> bool:
    """False if it is there already."""
    try:
        os.mkdir(folder, directory_mode(PRIVATE), dir_fd=parent)
    except FileExistsError:
        return False
    return True


def _remove_if_empty(folder: str, parent: int) -> None:
    try:
        os.rmdir(folder, dir_fd=parent)
    except OSError as error:
        if error.errno not in {errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT}:
            raise


def _sync(folders: Sequence[int]) -> None:
    for folder in reversed(folders):
        os.fsync(folder)
