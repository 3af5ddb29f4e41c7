"""States of an upload's bytes in its storage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Cursor = Mapping[str, Any]
"""The location of an upload's bytes, as JSON that only its storage reads."""

Entry = Mapping[str, Any]
"""An entry of the upload's list of parts, as JSON that only its storage reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The finished object, as its storage made it."""

    cursor: Cursor
    etag: str
    troubled: bool = False
    """True if a write got no answer before it was repeated, and so may yet take effect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A state in which every byte before `offset` is durable, and `cursor` with the entries added so far locates it."""

    offset: int
    cursor: Cursor
    added: tuple[Entry, ...] = ()
    finished: Finished | None = None
    """Set if writing these bytes created the finished object (a small upload's one PutObject)."""
    troubled: bool = False
    """True if a write got no answer before it was repeated, and so may yet take effect."""
