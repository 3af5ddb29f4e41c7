"""The port to a scanner of content."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol

from tusd_py.domain.scan import Scan


class Scanner(Protocol):
    """Finds malicious content."""

    async def scan(self, size: int, chunks: AsyncGenerator[bytes, None]) -> Scan:
        """Return the verdict on `size` bytes: clean, found, or unscanned, if they are more than it takes. Closes
        `chunks`, and passes their errors on. Raises ScannerUnavailable."""
