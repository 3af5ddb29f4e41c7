"""A limit on how often each client may do something, in bounded memory (the generic cell rate algorithm)."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable

from tusd_py.config.units import Rate
from tusd_py.domain.refusals import TooManyRequests

_SECOND = 1_000_000_000
"""Nanoseconds: whole numbers, so that no action is lost to rounding."""
_MAX_CLIENTS = 50_000
"""Clients to remember, in some 10 MiB. Beyond that, the least recent one is forgotten and has its full rate again."""


class RateLimiter:
    """A limit of `rate.count` actions at once per client, and as many more in each `rate.seconds`; None is none."""

    def __init__(self, rate: Rate | None, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self._rate, self._clock = rate, clock
        self._due = OrderedDict[str, int]()
        """When each client has its full rate again, in nanoseconds, ordered by the clients' last actions."""

    def check(self, client: str) -> None:
        """Count an action of the client. Raises TooManyRequests if it has used up its rate."""
        if self._rate is None:
            return
        now, interval = self._clock(), self._rate.seconds * _SECOND // self._rate.count
        due = max(self._due.get(client, 0), now) + interval
        excess = due - now - interval * self._rate.count
        if excess > 0:
            raise TooManyRequests(
                "too many new uploads from your address; try again later", retry_after=math.ceil(excess / _SECOND)
            )
        self._due[client] = due
        self._due.move_to_end(client)
        self._forget(now)

    def _forget(self, now: int) -> None:
        """Forget the least recent clients, as long as they have their full rate or are too many."""
        while len(self._due) > _MAX_CLIENTS or next(iter(self._due.values())) <= now:
            self._due.popitem(last=False)
