"""Lines that anybody can cause: no more than one in a while, however often there is a reason."""

from __future__ import annotations

import math
import time
from collections.abc import Callable


class Seldom:
    """Decides which lines of one kind are written, one in `pause` seconds at most, and counts the others."""

    def __init__(self, pause: float = 1.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._pause, self._clock = pause, clock
        self._next = -math.inf
        self._passed_over = 0

    def allowed(self) -> int | None:
        """How many lines were passed over since the last one that was written; None to pass over this one."""
        if self._clock() < self._next:
            self._passed_over += 1
            return None
        self._next, passed_over = self._clock() + self._pause, self._passed_over
        self._passed_over = 0
        return passed_over
