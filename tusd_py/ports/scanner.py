"""The port to a scanner of content."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol

from tusd_py.domain.scan import Scan


class Scanner(Protocol):
    """Finds malicious content."""

    async def scan(self, size: int, chunks: AsyncGenerator[bytes, None]) -> Scan:
        """Return the verdict on the bytes that `chunks` yields, `size` in all: clean, found (they are malicious), or
        unscanned if the scanner's limits don't let it scan them to the end. Closes `chunks`, and raises what they
        raise; also raises ScannerUnavailable if there is no verdict."""
