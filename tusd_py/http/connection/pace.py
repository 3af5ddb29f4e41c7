"""How often each client may do something, in bounded memory (the generic cell rate algorithm)."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable

from tusd_py.config.units import Rate
from tusd_py.domain.refusals import TooManyRequests

_SECOND = 1_000_000_000
"""In nanoseconds: whole numbers, so that no turn is lost to rounding."""
_MOST_CLIENTS = 50_000
"""Remembered at a time, for some 10 MiB. Beyond that, the one that came least recently begins anew."""


class Pace:
    """`rate.count` turns at once for each client, and as many again in each `rate.seconds`; None is any number."""

    def __init__(self, rate: Rate | None, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self._rate, self._clock = rate, clock
        self._due = OrderedDict[str, int]()
        """When each client will have all its turns again; the one that came last is the last."""

    def check(self, client: str) -> None:
        """Takes a turn. Raises TooManyRequests where there is none."""
        if self._rate is None:
            return
        now, interval = self._clock(), self._rate.seconds * _SECOND // self._rate.count
        due = max(self._due.get(client, 0), now) + interval
        late = due - now - interval * self._rate.count
        if late > 0:
            raise TooManyRequests(
                "too many new uploads from your address; try again later", retry_after=math.ceil(late / _SECOND)
            )
        self._due[client] = due
        self._due.move_to_end(client)
        self._forget(now)

    def _forget(self, now: int) -> None:
        """Those that have all their turns, as far as no other came before them."""
        while len(self._due) > _MOST_CLIENTS or next(iter(self._due.values())) <= now:
            self._due.popitem(last=False)
