"""Lines that anybody can cause: no more than one in a while, however often there is a reason."""

from __future__ import annotations

import time
from collections.abc import Callable

PAUSE = 1.0
"""Seconds between two lines of a kind."""


class Seldom:
    """Decides which lines of one kind are written, and counts the others."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._next = -PAUSE
        self._passed_over = 0

    def allowed(self) -> int | None:
        """How many lines were passed over since the last one that was written; None to pass over this one."""
        if self._clock() < self._next:
            self._passed_over += 1
            return None
        self._next, passed_over = self._clock() + PAUSE, self._passed_over
        self._passed_over = 0
        return passed_over
