"""Memory that bodies are read into. It is lent as views, and once the last reference to a view is dropped, it can be
lent again, or is unmapped if the slab was small.

So chunks can be kept, cut and sent again without a copy, and without an explicit release: even by a transport that
still holds a view of an aborted request.
"""

from __future__ import annotations

import ctypes
import mmap
import weakref
from collections import deque
from contextlib import suppress
from functools import partial

from tusd_py.transfer.budget import Budget

SLAB = 1024 * 1024
"""Bytes of the largest slab. Slabs of 64 KiB cost half more CPU per byte, of 512 KiB a tenth more. Each reader may hold
one that isn't charged to the budget; slabs are smaller if the budget is below 256 MiB."""
MIN_SLAB = 16 * 1024
"""Bytes of the smallest slab: the first of each body, and those lent for lack of memory (`Slabs.lend`). The bytes that
fill it aren't charged to the budget until it has room for them."""
_SMALL_SLAB = 64 * 1024
"""The size up to which a slab that is asked for is small, and mapped separately: a client that fills no more by one
read is slow. Also the least bytes of a large slab."""
_ARENA = 2 * 1024 * 1024
"""Bytes of an arena: one huge page, if the system has them."""
_READERS = 256
"""The divisor of the budget that gives the bytes of a large slab: at least 64 KiB (`_SMALL_SLAB`), at most `SLAB`."""
_PAGE = 4096
_UNUSED = 16
"""The divisor of the budget that gives the bytes that may stay in unused arenas even if the budget is full: demand
varies."""

_FULL = 2
"""The divisor of the budget that gives the bytes of slabs above which memory is short."""
_SMALL_SHARE = 8
"""The divisor of the budget that gives the bytes that arenas and lent small slabs leave free when a further arena is
added: small slabs may take them later."""


class _Arena:
    """Memory for 2 to 32 large slabs, unmapped when the last reference to it is dropped. The constructor raises OSError
    if the system has none."""

    def __init__(self, slab: int) -> None:
        self.memory = mmap.mmap(-1, _ARENA, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        with suppress(AttributeError, OSError):  # Python may know of huge pages, and the system's kernel not
            self.memory.madvise(mmap.MADV_HUGEPAGE)
        self.free = list(range(0, _ARENA - slab + 1, slab))
        self.lent: dict[int, weakref.ref[ctypes.Array[ctypes.c_ubyte]]] = {}
        self.rested = False
        """True if the arena has not been used since the last `Slabs.trim`."""


class Slabs:
    """A pool of slabs: large ones, cut from arenas (blocks of memory that are mapped once and reused), and small
    ones, each mapped for one use if the system can. All arenas together take at most three quarters of `budget`, or one
    arena's size if that is more.

    So bytes that readers have filled, but not charged to the budget yet, take little memory in addition to the budget,
    however many readers there are. Unused arenas, too, take little: the pool keeps at most as many bytes of them as the
    budget has available, or 1/16 of the budget if that is more.
    """

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._max_arenas = max(budget.limit * 3 // 4 // _ARENA, 1)
        self._unused = budget.limit // _UNUSED
        self._slab = ctypes.c_ubyte * min(max(budget.limit // _READERS // _PAGE * _PAGE, _SMALL_SLAB), SLAB)
        self._arenas: list[_Arena] = []
        self._open: list[_Arena] = []
        """The arenas with a free slab. Slabs are lent from the last one, so that mostly the memory used last, which is
        in the CPU's caches, is used again."""
        self._returns: deque[tuple[_Arena, int]] = deque()
        self._small_sizes: dict[weakref.ref[mmap.mmap], int] = {}
        """The sizes in bytes of the small slabs that are lent and mapped (not in heap memory), by weak references to
        their mappings."""
        self._small_bytes = 0
        self._ended: deque[weakref.ref[mmap.mmap]] = deque()

    @property
    def size(self) -> int:
        """Bytes of the memory that is mapped for large slabs, lent or free."""
        return len(self._arenas) * _ARENA

    def lend(self, size: int) -> memoryview:
        """Return a view to write to. For a `size` of up to 64 KiB it has `size` bytes, or `MIN_SLAB` if memory is short
        (an account waits for the budget, or slabs have more than half of it). For more it is a large slab, of at most
        `SLAB` bytes, which may be more or fewer than `size`; or it has `MIN_SLAB` bytes if no large slab is free and no
        arena can be added."""
        if self._returns or self._ended:
            self._take_back()
        if size <= _SMALL_SLAB:
            return self._lend_small(MIN_SLAB if self._is_short else size)
        if not self._open and not self._add_arena():
            return self._lend_small(MIN_SLAB)
        return self._lend_large(self._open[-1])

    @property
    def _is_short(self) -> bool:
        return self._budget.tight or self._total > self._budget.limit // _FULL

    @property
    def _total(self) -> int:
        """The bytes of all arenas, from which large slabs are cut, plus those of the small slabs that are lent and
        mapped (not in heap memory)."""
        return self.size + self._small_bytes

    def _may_add_arena(self) -> bool:
        """Return True if an arena may be added: there is none yet, or with it arenas take at most 3/4 of the
        budget's limit, and arenas and lent small slabs together at most 7/8. Unfilled slabs aren't charged to
        the budget, so their sizes are counted here.
        """
        total, limit = self._total + _ARENA, self._budget.limit
        return len(self._arenas) < self._max_arenas and (total <= limit - limit // _SMALL_SHARE or not self._arenas)

    def _lend_small(self, size: int) -> memoryview:
        """Return a view of separately mapped pages, which return to the system as soon as the view is dropped, whereas
        the heap would keep the memory of a peak. If the system maps no more pages for the process, the view is of heap
        memory."""
        if self._open:
            self._shrink()
        try:
            memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        except OSError:  # a process has only so many mappings
            return memoryview(bytearray(size))
        self._small_sizes[weakref.ref(memory, self._ended.append)] = size
        self._small_bytes += size
        return memoryview(memory)

    def trim(self) -> None:
        """Unmap the arenas that were not used since the last call. Those in frequent use stay mapped, as the system
        clears each page that it maps."""
        self._take_back()
        for arena in self._all_unused():
            if arena.rested:
                self._drop(arena)
            arena.rested = True

    def _add_arena(self) -> bool:
        """Add an arena, if there is memory for it; return True if so."""
        if self._budget.tight or not self._may_add_arena():
            return False
        try:
            arena = _Arena(ctypes.sizeof(self._slab))
        except OSError:  # a process has only so much memory, and so many mappings
            return False
        self._arenas.append(arena)
        self._open.append(arena)
        return True

    def _lend_large(self, arena: _Arena) -> memoryview:
        at, arena.rested = arena.free.pop(), False
        if not arena.free:
            self._open.remove(arena)
        slab = self._slab.from_buffer(arena.memory, at)
        arena.lent[at] = weakref.ref(slab, partial(self._returned, arena, at))
        return memoryview(slab).cast("B")

    def _returned(self, arena: _Arena, at: int, _: object) -> None:
        """Record that the slab at offset `at` of the arena has been dropped. Runs in any thread, or in the garbage
        collector, so it does no more."""
        self._returns.append((arena, at))

    def _take_back(self) -> None:
        ended = False
        while self._returns:
            arena, at = self._returns.popleft()
            del arena.lent[at]
            if not arena.free:
                self._open.append(arena)
            arena.free.append(at)
            ended = ended or not arena.lent
        while self._ended:
            self._small_bytes -= self._small_sizes.pop(self._ended.popleft())
        if ended:
            self._shrink()

    def _shrink(self) -> None:
        unused = self._all_unused()
        limit = max(self._budget.available, self._unused) // _ARENA
        for arena in unused[: max(len(unused) - limit, 0)]:
            self._drop(arena)

    def _all_unused(self) -> list[_Arena]:
        return [arena for arena in self._open if not arena.lent]

    def _drop(self, arena: _Arena) -> None:
        self._open.remove(arena)
        self._arenas.remove(arena)
