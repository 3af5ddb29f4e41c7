"""The marks (magic numbers) that files begin with, as the library puremagic lists them.

Only the library's lists are used: its functions also judge by the end of a file, and from version 2 by slow searches.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tusd_py.domain.content_types import HEAD_BYTES, Mark


@dataclass(frozen=True, slots=True)
class _Row:
    mark: bytes
    offset: int
    kind: str

    def begins(self, head: bytes) -> bool:
        return head.startswith(self.mark, self.offset)


class FileMarks:
    """A finder of the marks in the first bytes of a file."""

    def __init__(self) -> None:
        """Read the lists of the library puremagic, an optional dependency. Raises ImportError if the library isn't
        installed.
        """
        from puremagic import main  # noqa: PLC0415  an extra

        self._rows = list(_rows(main.magic_header_array))
        self._further = {mark: list(_rows(rows)) for mark, rows in main.multi_part_dict.items()}
        """The second marks that may follow a first one, by the first: files of many types begin with RIFF."""
        further = (row.kind for rows in self._further.values() for row in rows)
        self.kinds = frozenset({row.kind for row in self._rows if row.mark not in self._further} | set(further)) - {""}
        """The media types, in lower case, of the second marks (`_further`), and of the marks to which the library lists
        no second one."""

    def find(self, head: bytes) -> Sequence[Mark]:
        """Return the marks in `head`, the first bytes of a file, that have a media type. A first mark that a second one
        follows (RIFF, then WEBP) is returned together with it, as one mark of the second's type. A first mark that none
        follows is incomplete (`Mark.incomplete`) if `head` ends before the end of a second one that may follow."""
        return [mark for row in self._rows if row.begins(head) for mark in self._resolved(row, head) if mark.kind]

    def _resolved(self, row: _Row, head: bytes) -> Sequence[Mark]:
        rows = self._further.get(row.mark, ())
        further_marks = [
            Mark(further.kind, len(row.mark) + len(further.mark)) for further in rows if further.begins(head)
        ]
        incomplete = any(len(head) < further.offset + len(further.mark) for further in rows)
        return further_marks or [Mark(row.kind, len(row.mark), incomplete)]


def _rows(listed: Sequence[Any]) -> Iterator[_Row]:
    """Yield the listed marks that end within the first `HEAD_BYTES` of a file; the library's offsets below 0, which
    count from the end of a file, are passed over."""
    for row in listed:
        if 0 <= row.offset <= HEAD_BYTES - len(row.byte_match):
            yield _Row(row.byte_match, row.offset, row.mime_type.lower())
