"""The names of an archive's members, each once."""

from __future__ import annotations

import unicodedata

from tusd_py.domain.names import base_name
from tusd_py.domain.upload import Upload


class MemberNames:
    """The names that were given so far."""

    def __init__(self) -> None:
        self._names = set[str]()
        self._counts = dict[str, int]()
        """The last number that was tried for each name."""

    def name(self, upload: Upload) -> str:
        """Return the name of the upload: the last component of its file name, with a number if it is taken."""
        proposal = last_component(upload.metadata.get("filename", b"").decode("utf-8", "replace")) or upload.id
        name, count = proposal, self._counts.get(_folded(proposal), 1)
        while _folded(name) in self._names:
            count += 1
            name = _numbered(proposal, count)
        self._counts[_folded(proposal)] = count
        self._names.add(_folded(name))
        return name


def last_component(text: str) -> str:
    """Return what follows the last slash or backslash, without control characters; empty for `.` and `..`."""
    name = "".join(char for char in base_name(text) if unicodedata.category(char) not in {"Cc", "Cs"})
    return "" if name in {".", ".."} else name


def _numbered(name: str, count: int) -> str:
    """Return `a (2).txt` for `a.txt`; a name that begins with its only dot has no extension."""
    stem, dot, extension = name.rpartition(".")
    return f"{stem} ({count}).{extension}" if dot and stem else f"{name} ({count})"


def _folded(name: str) -> str:
    return name.casefold()
