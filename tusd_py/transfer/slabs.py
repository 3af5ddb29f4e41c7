"""Memory that bodies are read into. It is lent as views, and is back by itself once nobody holds one any more.

So chunks can be kept, cut and sent again without a copy, and nobody has to say when they are done: not even a transport
that still holds a view of a request which was given up.
"""

from __future__ import annotations

import ctypes
import mmap
import weakref
from collections import deque
from functools import partial

from tusd_py.transfer.budget import Budget

SLAB = 1024 * 1024
"""The largest slab. 64 KiB cost half more per byte, 512 KiB a tenth more; each reader may hold that much ahead of a
budget of 256 MiB, and less of a smaller one."""
LEAST_SLAB = 16 * 1024
"""What is lent when memory is short: what a client fills of it lies outside of the budget until there is room in it."""
_LESSER = 64 * 1024
"""What has pages of its own: only who fills so much with one read is fast enough for a slab."""
_ARENA = 2 * 1024 * 1024
"""A huge page, where the system gives them."""
_READERS = 256
"""A slab is no more than this fraction of the budget."""
_PAGE = 4096
_UNUSED = 16
"""The fraction of the budget that may be kept unused however full it is: it comes and goes."""

_FULL = 2
"""The fraction of the budget in slabs from which on memory is short."""
_CLEAR = 8
"""The fraction of the budget that is left to modest slabs when there are many."""


class _Arena:
    """Memory for a few slabs. Unmapped when the last reference goes."""

    def __init__(self, slab: int) -> None:
        self.memory = mmap.mmap(-1, _ARENA, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        if hasattr(mmap, "MADV_HUGEPAGE"):
            self.memory.madvise(mmap.MADV_HUGEPAGE)
        self.free = list(range(0, _ARENA - slab + 1, slab))
        self.lent: dict[int, weakref.ref[ctypes.Array[ctypes.c_ubyte]]] = {}
        self.rested = False
        """Nobody has used it since `Slabs.trim` last looked."""


class Slabs:
    """Large ones for three quarters of `budget`, in which they are kept; then there are only modest ones.

    What a reader fills ahead of the budget so adds little to it, however many readers there are. Nor does what nobody
    uses: no more of that is kept than the budget has left.
    """

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._most = max(budget.limit * 3 // 4 // _ARENA, 1)
        self._unused = budget.limit // _UNUSED
        self._slab = ctypes.c_ubyte * min(max(budget.limit // _READERS // _PAGE * _PAGE, _LESSER), SLAB)
        self._arenas: list[_Arena] = []
        self._open: list[_Arena] = []
        """Those with a free slab; the last was used last, so it is what the caches know."""
        self._back: deque[tuple[_Arena, int]] = deque()
        self._modest: dict[weakref.ref[mmap.mmap], int] = {}
        """The others, with their sizes."""
        self._modest_size = 0
        self._ended: deque[weakref.ref[mmap.mmap]] = deque()

    @property
    def size(self) -> int:
        """Bytes that large slabs take or may take without asking the system again."""
        return len(self._arenas) * _ARENA

    def lend(self, size: int) -> memoryview:
        """Up to `size` bytes to write to; SLAB is the most there is."""
        if self._back or self._ended:
            self._take_back()
        if size <= _LESSER:
            return self._small(LEAST_SLAB if self._is_short else size)
        if not self._open:
            if self._budget.tight or not self._has_room():
                return self._small(LEAST_SLAB)
            self._add_arena()
        return self._cut(self._open[-1])

    @property
    def _is_short(self) -> bool:
        return self._budget.tight or self._taken > self._budget.limit // _FULL

    @property
    def _taken(self) -> int:
        """Bytes of all slabs, large ones that are free among them."""
        return self.size + self._modest_size

    def _has_room(self) -> bool:
        """What is lent and not filled is in no budget, so all of it is counted here."""
        whole, limit = self._taken + _ARENA, self._budget.limit
        return len(self._arenas) < self._most and (whole <= limit - limit // _CLEAR or not self._arenas)

    def _small(self, size: int) -> memoryview:
        """Pages of its own, which the system has back at once: the heap keeps what a crowd once filled it with."""
        if self._open:
            self._shrink()
        try:
            memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        except OSError:  # a process has only so many mappings
            return memoryview(bytearray(size))
        self._modest[weakref.ref(memory, self._ended.append)] = size
        self._modest_size += size
        return memoryview(memory)

    def trim(self) -> None:
        """Give back to the system what nobody has used since this was last called. What comes and goes all the time
        stays: the system clears each page that it hands out."""
        self._take_back()
        for arena in self._all_unused():
            if arena.rested:
                self._drop(arena)
            arena.rested = True

    def _add_arena(self) -> None:
        arena = _Arena(ctypes.sizeof(self._slab))
        self._arenas.append(arena)
        self._open.append(arena)

    def _cut(self, arena: _Arena) -> memoryview:
        at, arena.rested = arena.free.pop(), False
        if not arena.free:
            self._open.remove(arena)
        slab = self._slab.from_buffer(arena.memory, at)
        arena.lent[at] = weakref.ref(slab, partial(self._returned, arena, at))
        return memoryview(slab).cast("B")

    def _returned(self, arena: _Arena, at: int, _: object) -> None:
        """Wherever the last view goes, in a thread or in the garbage collector: so only note it."""
        self._back.append((arena, at))

    def _take_back(self) -> None:
        ended = False
        while self._back:
            arena, at = self._back.popleft()
            del arena.lent[at]
            if not arena.free:
                self._open.append(arena)
            arena.free.append(at)
            ended = ended or not arena.lent
        while self._ended:
            self._modest_size -= self._modest.pop(self._ended.popleft())
        if ended:
            self._shrink()

    def _shrink(self) -> None:
        unused = self._all_unused()
        kept = max(self._budget.left, self._unused) // _ARENA
        for arena in unused[: max(len(unused) - kept, 0)]:
            self._drop(arena)

    def _all_unused(self) -> list[_Arena]:
        return [arena for arena in self._open if not arena.lent]

    def _drop(self, arena: _Arena) -> None:
        self._open.remove(arena)
        self._arenas.remove(arena)
