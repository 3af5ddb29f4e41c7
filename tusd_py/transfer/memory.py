"""The memory of one server, by what it is for."""

from __future__ import annotations

from tusd_py.transfer.budget import Budget
from tusd_py.transfer.budget_share import Share
from tusd_py.transfer.overhead import Overhead
from tusd_py.transfer.slabs import Slabs

_DOWNLOADS, _TEXTS = 4, 8
"""The divisors of the budget: downloads may use a fourth of it, apart from what they read ahead, and long heads and
bodies read as a whole (`Memory.texts`) an eighth."""

CLAIMED_AFTER = 5.0
"""Seconds, from the time when it got memory, after which a head, or a body read as a whole, that isn't complete loses
its memory, and is refused, if less than a quarter of the budget or of `Memory.texts` is free, or others wait for
either."""


class Memory:
    """The memory budget of one server, and the users of its memory: slabs that bodies are read into (not charged to the
    budget until the writer to S3 takes their bytes), overhead of requests, downloads, and heads and bodies read as a
    whole (`texts`)."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.slabs = Slabs(budget)
        self.overhead = Overhead(budget)
        self.downloads = Share(budget, _DOWNLOADS)
        self.texts = Share(budget, _TEXTS)
        """Memory for heads, and for request bodies that are read as a whole: lists of parts, jobs, exports and tokens,
        as JSON or XML. Those of up to 8 KiB take none of it."""
