"""Slabs that a socket is read into, and the chunks of them that are ready to be taken."""

from __future__ import annotations

from collections import deque

from tusd_py.ports.body import Chunk
from tusd_py.transfer.slabs import MIN_SLAB, SLAB, Slabs

_MANY = 8
"""Reads that fill a slab: if one does, the next slab is twice as large; if more than so many, half as large."""
_NONE = memoryview(b"")


class SlabQueue:
    """Chunks in the order of their bytes; the last slab is still being filled."""

    def __init__(self, slabs: Slabs) -> None:
        self._slabs = slabs
        self._chunks: deque[Chunk] = deque()
        """Chunks before the bytes of the slab."""
        self._slab, self._start, self._end = _NONE, 0, 0
        """Bytes from start to end are filled and not taken."""
        self._size, self._reads = MIN_SLAB // 2, 0

    @property
    def empty(self) -> bool:
        """True if there is nothing to take."""
        return not self._chunks and self._start == self._end

    @property
    def full(self) -> bool:
        """True if the slab has no room for another read, or there is none."""
        return self._end == len(self._slab)

    @property
    def has_slab(self) -> bool:
        """True while a slab is being filled, or waits to be taken."""
        return bool(self._slab)

    @property
    def size(self) -> int:
        """The number of bytes to take."""
        return self._end - self._start + sum(map(len, self._chunks))

    def add(self, chunk: Chunk) -> None:
        """Put a chunk behind all others; there must be no slab."""
        self._chunks.append(chunk)

    def take(self) -> Chunk:
        """Return the next chunk; empty if there is none."""
        if self._chunks:
            return self._chunks.popleft()
        chunk, self._start = self._slab[self._start : self._end], self._end
        if self.full:
            self._drop()
        return chunk

    def buffer(self, limit: int) -> memoryview:
        """Return memory for the next bytes, at most `limit`; a new slab has a size that fits them."""
        if self.full:
            self.set_aside()
            self._begin(limit)
        return self._slab[self._end : self._end + limit]

    def filled(self, count: int) -> None:
        """Note that so many bytes were read into the buffer."""
        self._end += count
        self._reads += 1

    def set_aside(self) -> None:
        """Let go of the slab: what it has is a chunk."""
        if self._start < self._end:
            self._chunks.append(self._slab[self._start : self._end])
        self._drop()

    def shrink(self) -> None:
        """Copy few bytes of a slow client out of a large slab, and begin with a small one next time."""
        size = self._end - self._start
        if size and size * 2 < len(self._slab) and len(self._slab) > MIN_SLAB:
            self._chunks.append(bytes(self._slab[self._start : self._end]))
            self._drop()
            self._size, self._reads = max(_power_of_two(size), MIN_SLAB), _MANY

    def drain(self) -> bytes:
        """Take the bytes of the slab alone, and let go of it."""
        data = bytes(self._slab[: self._end])
        self._drop()
        return data

    def _begin(self, limit: int) -> None:
        """Begin a slab: small at first, so that many slow clients hold little; as large as reads can fill."""
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
    """Return the smallest power of two that is not less."""
    return 1 << (size - 1).bit_length()
