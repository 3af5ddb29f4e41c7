"""A throttle for log lines that any client can cause."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from tusd_py.ports.observer import Observer


class LogThrottle:
    """A throttle for one kind of line: allows one in `pause` seconds at most, and counts those suppressed."""

    def __init__(self, pause: float = 1.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._pause, self._clock = pause, clock
        self._next = -math.inf
        self._suppressed = 0

    def allowed(self) -> int | None:
        """Return the number of lines suppressed since the last one was allowed; None if this line must not be
        written."""
        if self._clock() < self._next:
            self._suppressed += 1
            return None
        self._next, suppressed = self._clock() + self._pause, self._suppressed
        self._suppressed = 0
        return suppressed


class ThrottledObserver(Observer):
    """An observer that passes troubles, which any client can cause, on to another observer: one in `pause` seconds at
    most, with the number of those suppressed before it as the field `and_others`. It passes on nothing else."""

    def __init__(self, observer: Observer, pause: float = 1.0) -> None:
        self._observer, self._throttle = observer, LogThrottle(pause)

    def trouble(self, message: str, **fields: object) -> None:
        if (suppressed := self._throttle.allowed()) is not None:
            self._observer.trouble(message, **fields, and_others=suppressed)
