"""The memory that requests take in addition to their bodies' bytes. It is charged to the memory budget without
waiting, up to half of the budget.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tusd_py.transfer.budget import Budget

_BODY_OVERHEAD = 96 * 1024
"""Bytes of one body's overhead: its request, its task, bytes read ahead, and unused parts of pages. With 500 slow
clients on a busy machine, up to 110 KiB each were measured outside of the budget, of which 32 KiB are the
connection's."""
_FRACTION = 2
"""The divisor of the budget that gives the limit of all bodies' overhead, so that memory for their bytes remains."""


class Overhead:
    """The memory that all requests whose bodies are being received take in addition to the bodies' bytes."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._remaining = budget.limit // _FRACTION

    @contextmanager
    def charge_body(self) -> Iterator[None]:
        """Charge the memory overhead of one body to the budget while the context lasts. Never waits: if less is left
        of the limit for overhead, only that is charged."""
        size = min(_BODY_OVERHEAD, self._remaining)
        self._count(size)
        try:
            yield
        finally:
            self._count(-size)

    def _count(self, change: int) -> None:
        self._remaining -= change
        self._budget.pin(change)
