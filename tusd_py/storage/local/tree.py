"""The files below one directory, addressed by names with slashes. Symbolic links below it are not followed.

Every method but `path` blocks and may raise OSError.
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
    """A directory tree. New folders are accessible to the users that may read files of mode `mode`."""

    def __init__(self, root: Path, mode: int = PRIVATE) -> None:
        self._root, self._mode = root, directory_mode(mode)

    def path(self, name: str) -> Path:
        """Return the path of the file with this name."""
        return self._root / name

    def size(self, name: str) -> int | None:
        """Return the file's size in bytes, or None if there is no such regular file."""
        with suppress(FileNotFoundError), self._parent(name) as folder:
            stat = os.stat(_last(name), dir_fd=folder, follow_symlinks=False)
            return stat.st_size if S_ISREG(stat.st_mode) else None
        return None

    def holds(self, name: str) -> bool:
        """Return True if there is something with this name, or a file or symbolic link in the place of a folder above
        it."""
        try:
            with self._parent(name) as folder:
                os.stat(_last(name), dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return False
        except OSError as error:
            if error.errno not in {errno.ENOTDIR, errno.ELOOP}:
                raise
        return True

    def open(self, name: str) -> int:
        """Return a file descriptor to read from. Raises FileNotFoundError."""
        with self._parent(name) as folder:
            return os.open(_last(name), os.O_RDONLY | os.O_NOFOLLOW, dir_fd=folder)

    def put(self, source: Path, name: str) -> None:
        """Move the file `source` to this name, replacing a file that has it and making missing folders above it; the
        name is durable after `sync`."""
        with self._folders(name, make=True) as folders:
            os.replace(source, _last(name), dst_dir_fd=folders[-1])

    def sync(self, name: str) -> None:
        """Make the file's name durable, and those of its folders."""
        with self._folders(name) as folders:
            _sync(folders)

    def remove(self, name: str, owner: str) -> None:
        """Remove the file, then its empty folders, up to and including the topmost with `owner` (an upload's id) in its
        name; no folder if none has.

        Missing files and folders are ignored; folders that hold other files stay.
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
        """Yield descriptors of the root and of the folders above the file, from the top down to the last before a
        missing one; with `make`, create the missing ones."""
        with ExitStack() as stack:
            folders = [_close_with(stack, os.open(self._root, _FOLDER))]
            with nullcontext() if make else suppress(FileNotFoundError):
                for folder in name.split("/")[:-1]:
                    folders.append(_close_with(stack, self._enter(folder, folders[-1], make=make)))
            yield folders

    def _enter(self, folder: str, parent: int, *, make: bool) -> int:
        is_new = make and _make_folder(folder, parent)
        descriptor = os.open(folder, _FOLDER | os.O_NOFOLLOW, dir_fd=parent)
        if is_new:
            os.fchmod(descriptor, self._mode)
        return descriptor


def _last(name: str) -> str:
    return name.rsplit("/", maxsplit=1)[-1]


def _close_with(stack: ExitStack, descriptor: int) -> int:
    stack.callback(os.close, descriptor)
    return descriptor


def _make_folder(folder: str, parent: int) -> bool:
    """Create the folder in the open folder `parent`; return False if something has the name already."""
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
