"""The marks that files begin with, as the library puremagic lists them.

Its functions also judge by the end of a file, and from version 2 by slow searches; its lists are all that is used.
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
    """A finder of marks."""

    def __init__(self) -> None:
        """Read the library's lists. Raises ImportError without the library, an extra."""
        from puremagic import main  # noqa: PLC0415  an extra

        self._rows = list(_rows(main.magic_header_array))
        self._further = {mark: list(_rows(rows)) for mark, rows in main.multi_part_dict.items()}
        """Marks further on, by the mark before them: RIFF is the mark of many types."""
        further = (row.kind for rows in self._further.values() for row in rows)
        self.kinds = frozenset({row.kind for row in self._rows if row.mark not in self._further} | set(further)) - {""}
        """The types that have a mark."""

    def find(self, head: bytes) -> Sequence[Mark]:
        """Return the marks in the first bytes of a file; where there are further ones, not that before them."""
        return [mark for row in self._rows if row.begins(head) for mark in self._resolved(row, head) if mark.kind]

    def _resolved(self, row: _Row, head: bytes) -> Sequence[Mark]:
        further_marks = [
            Mark(further.kind, len(row.mark) + len(further.mark))
            for further in self._further.get(row.mark, ())
            if further.begins(head)
        ]
        return further_marks or [Mark(row.kind, len(row.mark))]


def _rows(listed: Sequence[Any]) -> Iterator[_Row]:
    """Return the marks within the bytes that are judged; offsets below 0 count from the end."""
    for row in listed:
        if 0 <= row.offset <= HEAD_BYTES - len(row.byte_match):
            yield _Row(row.byte_match, row.offset, row.mime_type.lower())
