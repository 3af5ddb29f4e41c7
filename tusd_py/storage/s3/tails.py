"""A cache of tails that are stored in segments, for the next request in this process that continues an
upload from its tail.
"""

from __future__ import annotations

from collections import OrderedDict

from tusd_py.domain.upload_id import UploadId
from tusd_py.storage.s3.cursor import Segment
from tusd_py.storage.s3.pieces import Assembly
from tusd_py.transfer.budget import Budget

_MAX_RATIO = 2
"""The largest ratio of a cached part's length to its bytes in memory."""


class TailCache:
    """A cache of uploads' tails in spare memory of the budget. The oldest are dropped when the memory is needed."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._assemblies: OrderedDict[UploadId, Assembly] = OrderedDict()
        budget.reclaim_from(self._reclaim)

    def keep(self, upload_id: UploadId, assembly: Assembly) -> None:
        """Cache the upload's tail, whose bytes are all stored in segments, in place of an earlier one. If the tail is
        empty, fewer than half of its bytes are in memory, or the budget has no room for these, only drop the earlier
        one.
        """
        self.drop(upload_id)
        if 0 < assembly.length <= _MAX_RATIO * assembly.memory_size and self._budget.try_charge(assembly.memory_size):
            assembly.compact()
            self._assemblies[upload_id] = assembly

    def take(self, upload_id: UploadId, tail: tuple[Segment, ...]) -> Assembly:
        """Return the part that consists of `tail`, with any cached bytes; the cache drops these, and the caller charges
        them to the budget."""
        assembly = self._assemblies.pop(upload_id, None)
        if assembly is not None:
            self._budget.free(assembly.memory_size)
            if assembly.segments == tail:
                return assembly
        return Assembly(tail)

    def drop(self, upload_id: UploadId) -> None:
        """Remove the upload's tail from the cache."""
        self.take(upload_id, ())

    def _reclaim(self, size: int) -> int:
        freed = 0
        while self._assemblies and freed < size:
            _, assembly = self._assemblies.popitem(last=False)
            freed += assembly.memory_size
        return freed
