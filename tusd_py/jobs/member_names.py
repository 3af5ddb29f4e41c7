"""Unique names for the members of an archive."""

from __future__ import annotations

import unicodedata

from tusd_py.domain.names import base_name
from tusd_py.domain.upload import Upload


class MemberNames:
    """The names that one archive's members have so far; names that differ only in case count as the same."""

    def __init__(self) -> None:
        self._names = set[str]()
        self._counts = dict[str, int]()
        """The last number that was tried for each proposed name, case-folded."""

    def name(self, upload: Upload) -> str:
        """Return a name for the upload and reserve it: the last component of its file name, else its id; with a number
        if the name is taken."""
        proposal = last_component(upload.metadata.get("filename", b"").decode("utf-8", "replace")) or upload.id
        name, count = proposal, self._counts.get(_folded(proposal), 1)
        while _folded(name) in self._names:
            count += 1
            name = _numbered(proposal, count)
        self._counts[_folded(proposal)] = count
        self._names.add(_folded(name))
        return name


def last_component(text: str) -> str:
    """Return the part of the text after the last slash or backslash, or all of a text without one, without control
    characters and surrogates; empty if that is `.` or `..`."""
    name = "".join(char for char in base_name(text) if unicodedata.category(char) not in {"Cc", "Cs"})
    return "" if name in {".", ".."} else name


def _numbered(name: str, count: int) -> str:
    """Return the name with a number: `a (2).txt` for `a.txt` and 2. A name that begins with its only dot has no
    extension."""
    stem, dot, extension = name.rpartition(".")
    return f"{stem} ({count}).{extension}" if dot and stem else f"{name} ({count})"


def _folded(name: str) -> str:
    return name.casefold()
