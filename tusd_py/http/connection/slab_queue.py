"""A queue of received bytes: the slabs (`transfer.slabs`) that a socket is read into, and the chunks cut from them."""

from __future__ import annotations

from collections import deque

from tusd_py.ports.body import Chunk
from tusd_py.transfer.slabs import MIN_SLAB, SLAB, Slabs

_MANY = 8
"""The most reads that should fill a slab: after more, the next slab is asked for half as large; after one at most,
twice as large; always between `MIN_SLAB` and `SLAB`."""
_NONE = memoryview(b"")


class SlabQueue:
    """Chunks of received bytes in their order; the last slab is still being filled. For each read, call `buffer`, read
    into the memory, and call `filled`; `take` removes chunks."""

    def __init__(self, slabs: Slabs) -> None:
        self._slabs = slabs
        self._chunks: deque[Chunk] = deque()
        """Chunks before the bytes of the slab."""
        self._slab, self._start, self._end = _NONE, 0, 0
        """The slab being filled; its bytes from `_start` to `_end` were received and not yet taken."""
        self._size, self._reads = MIN_SLAB // 2, 0

    @property
    def empty(self) -> bool:
        """True if there is nothing to take."""
        return not self._chunks and self._start == self._end

    @property
    def full(self) -> bool:
        """True if the slab is filled to its end, or if there is no slab."""
        return self._end == len(self._slab)

    @property
    def has_slab(self) -> bool:
        """True while there is a slab, with room for reads or with bytes to take."""
        return bool(self._slab)

    @property
    def size(self) -> int:
        """The number of received bytes that `take` hasn't returned yet."""
        return self._end - self._start + sum(map(len, self._chunks))

    def add(self, chunk: Chunk) -> None:
        """Append a chunk that is in no slab: aiohttp read it before this queue was used. The queue must have no
        slab."""
        self._chunks.append(chunk)

    def take(self) -> Chunk:
        """Remove and return the next chunk; empty if there is none."""
        if self._chunks:
            return self._chunks.popleft()
        chunk, self._start = self._slab[self._start : self._end], self._end
        if self.full:
            self._drop()
        return chunk

    def buffer(self, limit: int) -> memoryview:
        """Return memory for the next read, at most `limit` bytes: the rest of the slab that is being filled or, if it
        is full or there is none, the beginning of a new one."""
        if self.full:
            self.set_aside()
            self._begin(limit)
        return self._slab[self._end : self._end + limit]

    def filled(self, count: int) -> None:
        """Record that the last read put `count` bytes into the buffer."""
        self._end += count
        self._reads += 1

    def set_aside(self) -> None:
        """End the filling of the slab: its bytes that weren't taken become a chunk."""
        if self._start < self._end:
            self._chunks.append(self._slab[self._start : self._end])
        self._drop()

    def shrink(self) -> None:
        """If the slab has more than `MIN_SLAB` bytes, and its bytes that `take` has yet to return fill less than
        half of it (but there are some), replace them by a copy and give the slab up, so that it can be reused: the
        client is slow. The next slab is asked for in the least power of two that holds as many bytes, or in
        `MIN_SLAB` if that is more."""
        size = self._end - self._start
        if size and size * 2 < len(self._slab) and len(self._slab) > MIN_SLAB:
            self._chunks.append(bytes(self._slab[self._start : self._end]))
            self._drop()
            self._size, self._reads = max(_power_of_two(size), MIN_SLAB), _MANY

    def drain(self) -> bytes:
        """Return a copy of the bytes in the slab that is being filled, and give this slab up. The chunks before
        the slab stay. No byte of the slab may have been taken.
        """
        data = bytes(self._slab[: self._end])
        self._drop()
        return data

    def _begin(self, limit: int) -> None:
        """Begin a new slab. It is asked for in the size of the last one (or that set by `shrink`), in twice that if at
        most one read went into the last one, in half of that after more than `_MANY` reads; in no more than `SLAB` and
        what `limit` bytes need, but in `MIN_SLAB` at least. The first is asked for in `MIN_SLAB`, so that many slow
        clients hold little. `Slabs.lend` may give another size."""
        if self._reads <= 1:
            self._size = min(self._size * 2, SLAB)
        elif self._reads > _MANY:
            self._size = max(self._size // 2, MIN_SLAB)
        size = min(self._size, max(MIN_SLAB, _power_of_two(limit)))
        self._slab, self._start, self._end, self._reads = self._slabs.lend(size), 0, 0, 0
        self._size = min(self._size, max(len(self._slab), MIN_SLAB))  # less where memory is short

    def _drop(self) -> None:
        self._slab, self._start, self._end = _NONE, 0, 0


def _power_of_two(size: int) -> int:
    """Return the smallest power of two that is at least `size`, a positive number."""
    return 1 << (size - 1).bit_length()
