"""The scan of an upload's content, as its record keeps it."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Verdict(enum.StrEnum):
    """The state or the result of a scan."""

    PENDING = "pending"
    CLEAN = "clean"
    FOUND = "found"
    """The content is malicious: the upload has been ended."""
    UNSCANNED = "unscanned"
    """The content is beyond a limit of the scanner."""
    FAILED = "failed"
    """The scanner couldn't be asked, in all attempts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """The verdict on an upload's content."""

    verdict: Verdict
    name: str | None = None
    """The name of what was found."""
    reason: str | None = None
    """The reason why the content wasn't scanned: `size-limit` or `scanner-unavailable`."""
