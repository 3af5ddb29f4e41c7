"""Values for the state of an upload's bytes in the storage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Cursor = Mapping[str, Any]
"""The location of an upload's bytes in the storage, as a JSON object that only the storage's adapter reads."""

Entry = Mapping[str, Any]
"""An entry of the upload's list of parts, as a JSON object that only the storage's adapter reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The finished object of an upload, as the storage made it."""

    cursor: Cursor
    etag: str
    troubled: bool = False
    """True if the PutObject of the object, or the CreateMultipartUpload for a final upload's object, got no answer
    before it was repeated: the first one may still take effect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A state of an upload in which every byte before `offset` is durable. `cursor` and all entries added up to this
    state tell where the bytes are."""

    offset: int
    cursor: Cursor
    added: tuple[Entry, ...] = ()
    finished: Finished | None = None
    """The finished object, if storing these bytes created it (in one PutObject, for a small upload); else None."""
    troubled: bool = False
    """True if a write to S3 since the last checkpoint (PutObject or CreateMultipartUpload) got no answer before this
    server repeated it: the first one may still take effect."""
