"""A limit on how often each client may do something, in bounded memory (the generic cell rate algorithm)."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable

from tusd_py.domain.refusals import TooManyRequests

Rate = tuple[int, float]
"""A number of actions, and the seconds in which a client may do so many."""

_SECOND = 1_000_000_000
"""A second in nanoseconds: whole numbers, so that no action is lost to rounding."""
_MAX_CLIENTS = 50_000
"""The number of clients to remember, in some 10 MiB. Beyond that, the least recent client is forgotten and has its full
rate again."""


class RateLimiter:
    """A limit on the actions of each client or account. With the rate (n, s), n are allowed at once, and n more in each
    s seconds; None is no limit.

    `source` is the client or the account in words, for refusals.
    """

    def __init__(
        self, rate: Rate | None, clock: Callable[[], int] = time.monotonic_ns, *, source: str = "your address"
    ) -> None:
        self._rate, self._clock, self._source = rate, clock, source
        self._due = OrderedDict[str, int]()
        """The time of `clock` at which each client has its full rate again, in nanoseconds, ordered by the clients'
        last actions."""

    def check(self, client: str, own: Rate | None = None) -> None:
        """Count an action of the client, at the rate `own` or, if that is None, at the limiter's. Raises
        TooManyRequests if the action exceeds the rate: it isn't counted then."""
        rate = self._rate if own is None else own
        if rate is None:
            return
        count, seconds = rate
        now, interval = self._clock(), int(seconds * _SECOND) // count
        due = max(self._due.get(client, 0), now) + interval
        excess = due - now - interval * count
        if excess > 0:
            raise TooManyRequests(
                f"too many new uploads from {self._source}; try again later", retry_after=math.ceil(excess / _SECOND)
            )
        self._due[client] = due
        self._due.move_to_end(client)
        self._forget(now)

    def _forget(self, now: int) -> None:
        """Forget clients, in the order of their last actions, as long as the first one has its full rate again at
        `now` (in nanoseconds) or more than `_MAX_CLIENTS` are remembered.
        """
        while len(self._due) > _MAX_CLIENTS or next(iter(self._due.values())) <= now:
            self._due.popitem(last=False)
