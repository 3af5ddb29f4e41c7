"""Uploads whose bytes go from the client straight to the storage."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field


class DirectMode(enum.StrEnum):
    """The way in which a client sends an upload's bytes straight to the storage."""

    WHOLE = "whole"
    """In one request, which isn't reported to this server: it has to look for the object."""
    PARTS = "parts"
    """As parts of a multipart upload, until the client completes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectTransfer:
    """The way of an upload's bytes from its client straight to the storage. Times are seconds since the epoch (UTC)."""

    mode: DirectMode
    presigned_until: float | None = None
    """The time until which the client holds a presigned request that can create the object, even a second time."""
    parts_check_at: float | None = None
    """The time at which a sweep is to count the bytes that the client has stored as parts; None for never."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectPart:
    """A part that a client has sent straight to the storage, as the storage or the client lists it."""

    number: int
    etag: str
    """Without quotes."""
    length: int = 0
    """In bytes; only the storage lists it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A presigned request: anyone who has it may send it to the storage, unchanged, until it expires."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    """Header fields to send with a PUT."""
    fields: Mapping[str, str] = field(default_factory=dict)
    """Fields of the form to POST, before its file; empty for a PUT."""
