"""The events that a parser makes of a form (multipart/form-data), and the limits of a form."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tusd_py.domain.metadata import Metadata
from tusd_py.domain.refusals import Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class FormLimits:
    """The most files and fields that one form may have, and the most bytes of its fields."""

    max_files: int
    max_fields: int
    max_field_bytes: int
    """The most bytes of the values of all fields together, and as many again for all their names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileBegin:
    """The beginning of a file, with the metadata of its upload: the fields before the file, and its name and type."""

    metadata: Metadata


class Mark(enum.Enum):
    """A parser's event at the end of a file, or of the whole form. It has no content, and isn't a mark in the
    glossary's sense.
    """

    FILE = enum.auto()
    FORM = enum.auto()
    """The end of the form: its final boundary has come."""


FormEvent = FileBegin | bytes | memoryview | Mark | Refusal
"""An event of a form. Bytes are content of the file that began last; a refusal of the form is the last event."""


class Parser(Protocol):
    """A parser of one form, to which its bytes are pushed."""

    def feed(self, chunk: bytes | memoryview) -> Sequence[FormEvent]:
        """Return the events in the next bytes of the form. Content among them may be views of `chunk`, not
        copies. A refusal of the form isn't raised: it is the last event.
        """
