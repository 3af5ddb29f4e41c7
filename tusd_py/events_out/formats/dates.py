"""Times as text."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal


def rfc3339(at: float, precision: Literal["milliseconds", "microseconds"] = "microseconds") -> str:
    """Return a time, in seconds since the epoch, as RFC 3339 has it: in UTC, with Z."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec=precision).replace("+00:00", "Z")
