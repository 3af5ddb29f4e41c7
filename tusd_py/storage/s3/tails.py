"""Tails that are stored in segments and still in memory, for the next request that continues them on this node."""

from __future__ import annotations

from collections import OrderedDict

from tusd_py.domain.upload import UploadId
from tusd_py.storage.s3.cursor import Segment
from tusd_py.storage.s3.pieces import Assembly
from tusd_py.transfer.budget import Budget

_WORTH = 2
"""How many times longer a part may be than what is in memory of it."""


class Tails:
    """Takes what room the budget has to spare, and gives it back to whoever needs it. The longest unused goes first."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._kept: OrderedDict[UploadId, Assembly] = OrderedDict()
        budget.reclaim_from(self._reclaim)

    def keep(self, upload_id: UploadId, assembly: Assembly) -> None:
        """Keep a part whose every byte is stored, if there is room, and if that spares reading half of it."""
        self.drop(upload_id)
        if 0 < assembly.length <= _WORTH * assembly.held and self._budget.spare(assembly.held):
            assembly.settle()
            self._kept[upload_id] = assembly

    def take(self, upload_id: UploadId, tail: tuple[Segment, ...]) -> Assembly:
        """The part that `tail` begins, with what is in memory of it; what it holds is the caller's to charge."""
        kept = self._kept.pop(upload_id, None)
        if kept is not None:
            self._budget.free(kept.held)
            if kept.segments == tail:
                return kept
        return Assembly(tail)

    def drop(self, upload_id: UploadId) -> None:
        """Forget it."""
        self.take(upload_id, ())

    def _reclaim(self, wanted: int) -> int:
        freed = 0
        while self._kept and freed < wanted:
            _, assembly = self._kept.popitem(last=False)
            freed += assembly.held
        return freed
