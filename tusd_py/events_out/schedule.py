"""The times of attempts."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tusd_py.ports.outbox import Delivery

_SPREAD = 0.2
"""The fraction by which each pause is longer or shorter, so that events that failed together don't come together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """The pauses before each attempt, in seconds; there are as many attempts."""

    pauses: Sequence[float]
    lease: float
    """Seconds after which an attempt of a node that died is repeated."""
    dice: Callable[[float, float], float] = random.uniform
    """A function that returns a random number between two."""

    def first(self, delivery: Delivery) -> float | None:
        """Return the time of the first attempt, if it isn't now: of an event that has never waited."""
        is_new = not delivery.attempts and delivery.due_at == delivery.at
        return delivery.at + self._spread(self.pauses[0]) if is_new and self.pauses[0] else None

    def following(self, delivery: Delivery, now: float, at_least: float | None) -> float | None:
        """Return the time of the attempt after one that failed, `at_least` seconds from now; None after the last."""
        number = delivery.attempts + 1
        if number >= len(self.pauses):
            return None
        return now + max(self._spread(self.pauses[number]), at_least or 0.0)

    def _spread(self, pause: float) -> float:
        return pause * self.dice(1 - _SPREAD, 1 + _SPREAD)
