"""The reader of a zip archive's directory: its members, before any of them is unpacked (APPNOTE.TXT 6.3.10, 4.3)."""

from __future__ import annotations

import asyncio
import io
import re
import stat
import zipfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from tusd_py.domain.job_faults import JobFault
from tusd_py.domain.span import Span

ReadSpan = Callable[[Span], Awaitable[bytes]]

_TAIL = 128 * 1024
"""Bytes at the end of an archive that hold its end record, even with the longest comment."""
_ENTRY = 512
"""The most bytes that an entry of an archive's central directory may have on average; a longer directory counts as too
many members. An entry has 46 bytes, and its name, often twice."""
_DRIVE = re.compile(r"[A-Za-z]:")
_ENCRYPTED = 0x1
_UTF8 = 0x800


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveLimits:
    """The limits of an archive that is unpacked; `members` is the maximum number of files in it."""

    members: int
    size: int
    """The maximum number of bytes of all members together, unpacked."""
    ratio: int
    """The maximum number of unpacked bytes for each byte of the archive."""

    def check(self, members: int, unpacked: int, packed: int) -> None:
        """Raise JobFault if an archive of `packed` bytes, with so many `members` and `unpacked` bytes in them, exceeds
        a limit: too-many-members, too-large or too-high-ratio."""
        if members > self.members:
            raise JobFault("too-many-members", f"the archive has more than {self.members} members")
        if unpacked > self.size:
            raise JobFault("too-large", f"its members have more than {self.size} bytes")
        if unpacked > self.ratio * packed:
            raise JobFault("too-high-ratio", f"its members have more than {self.ratio} times its bytes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A file or folder in a ZIP archive, as the archive's central directory describes it. `raw_name` is its name as
    stored, `path` the name decoded; `length` is in bytes, unpacked; `directory` is True for a folder."""

    raw_name: bytes
    path: str
    length: int
    directory: bool


def bad_archive(message: str = "it isn't a whole zip archive") -> JobFault:
    return JobFault("bad-archive", message)


async def members_of(size: int, read: ReadSpan, limits: ArchiveLimits) -> Sequence[Member]:
    """Return the members, directories too, in the order of their bytes in the archive. `size` is the archive's length
    in bytes; `read` returns the bytes of a span of it.

    Raises JobFault: bad-archive, unsafe-member, unsupported, too-many-members, too-large, too-high-ratio; and what
    `read` raises.
    """
    if not size:
        raise bad_archive()
    start = max(size - _TAIL, 0)
    while True:
        window = _Window(start, await read(Span(start, size)), size)
        try:
            infos = await asyncio.to_thread(_entries, window)
            break
        except _Outside as outside:
            start = outside.start
        if size - start > _TAIL + _ENTRY * limits.members:
            raise JobFault("too-many-members", "its directory is too long")
    members = [_member(info) for info in infos]
    files = [member for member in members if not member.directory]
    limits.check(len(files), sum(member.length for member in files), size)
    return members


class _Outside(Exception):
    """The central directory of a ZIP archive begins before the bytes that were read: bytes from the offset `start`
    on are needed.
    """

    def __init__(self, start: int) -> None:
        super().__init__(start)
        self.start = start


class _Window(io.RawIOBase):
    """The end of an archive of `size` bytes as a seekable file: `data` are its bytes from `start` on. Raises _Outside
    when a read begins before them."""

    def __init__(self, start: int, data: bytes, size: int) -> None:
        self._start, self._data, self._size, self._place = start, data, size, 0

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        place = offset + (self._place if whence == io.SEEK_CUR else self._size if whence == io.SEEK_END else 0)
        if place < 0:
            raise OSError
        self._place = place
        return place

    def tell(self) -> int:
        return self._place

    def seekable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if self._place < self._start:
            raise _Outside(self._place)
        start = self._place - self._start
        piece = self._data[start : None if size < 0 else start + size]
        self._place += len(piece)
        return piece


def _entries(window: _Window) -> Sequence[zipfile.ZipInfo]:
    """Return the entries of the archive's directory, in the order of their members in the archive. Raises
    JobFault (bad-archive); _Outside if the directory begins before the window.
    """
    try:
        with zipfile.ZipFile(window) as archive:
            return sorted(archive.infolist(), key=lambda info: info.header_offset)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, zipfile.LargeZipFile):
        raise bad_archive() from None


def _member(info: zipfile.ZipInfo) -> Member:
    if info.flag_bits & _ENCRYPTED:
        raise JobFault("unsupported", "a member is encrypted")
    raw = info.orig_filename.encode("utf-8" if info.flag_bits & _UTF8 else "cp437")
    path = _decode(raw)
    if _is_unsafe(path) or stat.S_ISLNK(info.external_attr >> 16):
        raise JobFault("unsafe-member", "a member's path leaves its folder, or a member is a link")
    return Member(raw_name=raw, path=path, length=info.file_size, directory=path.endswith("/"))


def _decode(raw: bytes) -> str:
    """Return the name, decoded from UTF-8, else from code page 437: many programs set no flag for UTF-8."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("cp437")


def _is_unsafe(path: str) -> bool:
    parts = path.removesuffix("/").split("/")
    return "\\" in path or "\0" in path or bool(_DRIVE.match(path)) or not {"", ".", ".."}.isdisjoint(parts)
