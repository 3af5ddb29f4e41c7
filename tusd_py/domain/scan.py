"""The scan of an upload's content, as the upload's record holds it."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Verdict(enum.StrEnum):
    """The state of a scan, or its result."""

    PENDING = "pending"
    CLEAN = "clean"
    FOUND = "found"
    """The content is malicious: the upload is ended for it."""
    UNSCANNED = "unscanned"
    """The content is beyond a limit of the scanner."""
    FAILED = "failed"
    """The job that scans the content failed, in most cases as the scanner was unavailable in all its attempts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """The scan of an upload's content, and its result."""

    verdict: Verdict
    name: str | None = None
    """The scanner's name for the malware; None unless the verdict is FOUND."""
    reason: str | None = None
    """The reason why the content wasn't judged: `size-limit` if the verdict is UNSCANNED, `scanner-unavailable` if it
    is FAILED; else None."""
