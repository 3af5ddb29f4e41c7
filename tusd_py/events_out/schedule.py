"""The times of the attempts to deliver an event."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tusd_py.ports.outbox import Delivery

_SPREAD = 0.2
"""The largest fraction by which a pause is longer or shorter, so that events that failed together aren't sent together
again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """The pauses in seconds before the attempts to deliver an event: one before each, so that there are as many
    attempts as pauses. Times are seconds since the epoch.
    """

    pauses: Sequence[float]
    lease: float
    """Seconds for which one node has an event to itself; after them, the attempt of a node that died is repeated."""
    dice: Callable[[float, float], float] = random.uniform
    """A function that returns a random number between its two arguments."""

    def first(self, delivery: Delivery) -> float | None:
        """Return the time of the first attempt at a new event, if there is a pause before it; None if an attempt is due
        now.
        """
        is_new = not delivery.attempts and delivery.due_at == delivery.at
        return delivery.at + self._spread(self.pauses[0]) if is_new and self.pauses[0] else None

    def following(self, delivery: Delivery, now: float, at_least: float | None) -> float | None:
        """Return the time of the next attempt after one that failed, at least `at_least` seconds after `now`; None
        after the last attempt. `delivery` doesn't count the failed attempt yet.
        """
        number = delivery.attempts + 1
        if number >= len(self.pauses):
            return None
        return now + max(self._spread(self.pauses[number]), at_least or 0.0)

    def _spread(self, pause: float) -> float:
        return pause * self.dice(1 - _SPREAD, 1 + _SPREAD)
