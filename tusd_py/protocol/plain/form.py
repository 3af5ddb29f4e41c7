"""The events of a form that is read, and its limits."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tusd_py.domain.metadata import Metadata
from tusd_py.domain.refusals import Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class FormLimits:
    """The limits of one form."""

    max_files: int
    max_fields: int
    max_field_bytes: int
    """Bytes of the values of all fields together, and of their names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileBegin:
    """The begin of a file, with its metadata: the fields before it, and its own name and type."""

    metadata: Metadata


class Mark(enum.Enum):
    """The end of a file, or of the whole form, among the events of a form."""

    FILE = enum.auto()
    FORM = enum.auto()
    """The final boundary."""


FormEvent = FileBegin | bytes | memoryview | Mark | Refusal
"""Bytes are those of the file that began last; a refusal is the last event."""


class Parser(Protocol):
    """A parser of one form, to which its bytes are pushed."""

    def feed(self, chunk: bytes | memoryview) -> Sequence[FormEvent]:
        """Return the events in the next bytes, which the events may show parts of."""
