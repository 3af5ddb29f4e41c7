"""The memory of one server, by what it is for."""

from __future__ import annotations

from tusd_py.transfer.budget import Budget
from tusd_py.transfer.budget_share import Share
from tusd_py.transfer.overhead import Overhead
from tusd_py.transfer.slabs import Slabs

_DOWNLOADS, _TEXTS = 4, 8
"""The divisors of the budget: downloads may use a fourth of it, and long heads and lists an eighth."""

CLAIMED_AFTER = 5.0
"""Seconds after which a head or list that isn't whole loses its memory, and is refused, if less than a quarter of the
budget is free, or others wait."""


class Memory:
    """The memory budget of one server, and the parts that charge it for what they hold."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.slabs = Slabs(budget)
        self.overhead = Overhead(budget)
        self.downloads = Share(budget, _DOWNLOADS)
        self.texts = Share(budget, _TEXTS)
        """Memory for heads, and for request bodies that are read as a whole: lists of parts, jobs, exports and tokens,
        as JSON or XML."""
