"""What a body takes beside its bytes while it comes: counted as far as a budget can bear, and never waited for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tusd_py.transfer.budget import Budget

_EACH = 96 * 1024
"""Bytes of one: its request, its task, what was read ahead, and the parts of pages that nothing fills. With 500 slow
clients on a busy machine, up to 110 KiB each were seen beside the budget; 32 KiB are a connection's own."""
_FRACTION = 2
"""Of the budget, so that many bodies leave each other room to go on."""


class Overhead:
    """Of all bodies that are being taken."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._left = budget.limit // _FRACTION

    @contextmanager
    def of_a_body(self) -> Iterator[None]:
        """Counted while the block lasts."""
        size = min(_EACH, self._left)
        self._count(size)
        try:
            yield
        finally:
            self._count(-size)

    def _count(self, change: int) -> None:
        self._left -= change
        self._budget.keep(change)
