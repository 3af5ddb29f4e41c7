"""Uploads whose bytes go from the client straight to the storage."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field


class DirectMode(enum.StrEnum):
    """The way in which a client sends an upload's bytes straight to the storage."""

    WHOLE = "whole"
    """In one request, of which this server gets no report: to learn of the end, the server looks for the object."""
    PARTS = "parts"
    """As parts of a multipart upload, which the client asks this server to complete."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectTransfer:
    """The part of an upload's record that only direct uploads have. Times are seconds since the epoch (UTC)."""

    mode: DirectMode
    presigned_until: float | None = None
    """The time until which the client's presigned request can create the object, even a second time; None for parts."""
    parts_check_at: float | None = None
    """The time at which a sweep is to count the bytes that the client has stored as parts; None while no count is
    planned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectPart:
    """A part that a client has sent straight to the storage, as the storage or the client lists the part."""

    number: int
    etag: str
    """The ETag of the part, without quotes."""
    length: int = 0
    """The length of the part in bytes; 0 for a part as the client lists it to complete the upload: that list has no
    lengths."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A presigned request: any client that has it may send it to the storage, unchanged, until the request expires."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    """Header fields to send with a PUT; empty for a form."""
    fields: Mapping[str, str] = field(default_factory=dict)
    """Fields of the form to POST, which stand before the file; empty for a PUT."""
