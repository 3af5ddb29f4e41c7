"""The assembly of a part from bytes in memory, bytes stored in segments, or both."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import add

from tusd_py.domain.span import Span
from tusd_py.ports.body import Chunk
from tusd_py.storage.s3.api.requests import Payload
from tusd_py.storage.s3.cursor import Segment
from tusd_py.transfer.digests import crc32c

Fetch = Callable[[str, Span], AsyncIterator[bytes]]
"""A function that takes an object's key and a span, and yields the bytes of the span."""


@dataclass(frozen=True, slots=True)
class Extract:
    """A run of bytes of a stored segment."""

    key: str
    span: Span

    def __len__(self) -> int:
        return len(self.span)


Source = Chunk | Extract


@dataclass(slots=True)
class Piece:
    """A run of a part's bytes, in memory or in stored segments; or the bytes of a small object, as an info object."""

    length: int = 0
    known_crc: int = 0
    """CRC-32C of the part from its start to the end of the first `hashed_sources` sources."""
    hashed_sources: int = 0
    memory_size: int = 0
    """The number of bytes in memory."""
    sources: list[Source] = field(default_factory=list)
    """The bytes in order, in memory or in segments. Once `segment` is set, no older segment is among them."""
    segment: Segment | None = None
    """The segment that holds all of the bytes, once they are stored."""

    @classmethod
    def from_segment(cls, segment: Segment) -> Piece:
        """Return a piece that is stored, with no bytes in memory."""
        return cls(
            length=segment.length, known_crc=segment.crc, hashed_sources=1, sources=[_all_of(segment)], segment=segment
        )

    @property
    def crc(self) -> int:
        """CRC-32C of the part from its start to the end of this piece."""
        for source in self.sources[self.hashed_sources :]:
            if not isinstance(source, Extract):  # a segment's bytes were hashed before it was stored
                self.known_crc = crc32c(self.known_crc, source)
        self.hashed_sources = len(self.sources)
        return self.known_crc

    def add(self, chunk: Chunk) -> None:
        self.sources.append(chunk)
        self.length += len(chunk)
        self.memory_size += len(chunk)

    def mark_stored(self, key: str) -> None:
        """Record that all of the piece is stored in the segment under `key`."""
        self.segment = Segment(key=key, length=self.length, crc=self.crc)
        self.sources = list(_moved(self.sources, key))

    def release_memory(self) -> int:
        """Drop the bytes in memory if the piece is stored; return how many were dropped."""
        if self.segment is None:
            return 0
        freed, self.memory_size, self.sources, self.hashed_sources = self.memory_size, 0, [_all_of(self.segment)], 1
        return freed

    def __add__(self, after: Piece) -> Piece:
        return Piece(
            length=self.length + after.length,
            known_crc=after.crc,
            hashed_sources=len(self.sources) + len(after.sources),
            memory_size=self.memory_size + after.memory_size,
            sources=self.sources + after.sources,
        )


class Assembly:
    """The pieces of one part, in order. All are stored in segments, except perhaps the last."""

    def __init__(self, tail: Sequence[Segment] = ()) -> None:
        self.pieces = [Piece.from_segment(segment) for segment in tail]
        self.length = sum(piece.length for piece in self.pieces)

    @property
    def memory_size(self) -> int:
        return sum(piece.memory_size for piece in self.pieces)

    @property
    def crc(self) -> int:
        return self.pieces[-1].crc if self.pieces else 0

    @property
    def unstored_piece(self) -> Piece | None:
        return self.pieces[-1] if self.pieces and self.pieces[-1].segment is None else None

    @property
    def segments(self) -> tuple[Segment, ...]:
        return tuple(piece.segment for piece in self.pieces if piece.segment is not None)

    def add(self, chunk: Chunk) -> None:
        """Append the next bytes of the part."""
        if self.unstored_piece is None:
            self.pieces.append(Piece(known_crc=self.crc))
        self.pieces[-1].add(chunk)
        self.length += len(chunk)

    def merge(self, limit: int) -> None:
        """Do nothing if there are at most `limit` pieces. Else merge the last two, and the pieces before them for
        as long as each is no larger than all pieces after it together. If that would leave `limit` pieces or
        more, merge others: the first of the first `limit - 1` pieces that is no larger than all pieces after it
        together, and all after it; if there is none, all after those `limit - 1`.

        A merged piece is stored again as a whole. As long as the last case (none is small enough) doesn't arise, each
        time but the first that a byte is stored again, its new piece is at least twice as large as its last one: only a
        piece that was never merged can be more than half of a merged one.
        """
        if len(self.pieces) <= limit:
            return
        start = self._last_small()
        if start > limit - 2:
            start = self._first_small(limit - 1)
        self.pieces[start:] = [reduce(add, self.pieces[start:])]

    def _last_small(self) -> int:
        """Return the index of the first of these pieces: the last two, and those before them for as long as each is
        no larger than all pieces after it together. There are two pieces at least.
        """
        start = len(self.pieces) - 2
        after = self.pieces[start].length + self.pieces[start + 1].length
        while start and self.pieces[start - 1].length <= after:
            start -= 1
            after += self.pieces[start].length
        return start

    def _first_small(self, last: int) -> int:
        """Return the index of the first piece that is no larger than all after it together; at most `last`."""
        after = self.length
        for index, piece in enumerate(self.pieces[:last]):
            after -= piece.length
            if piece.length <= after:
                return index
        return last

    def compact(self) -> None:
        """Copy each chunk that views less than half of its buffer: in `TailCache`, it would keep the whole buffer in
        use."""
        for piece in self.pieces:
            piece.sources = [source if isinstance(source, Extract) else _compacted(source) for source in piece.sources]

    def release_memory(self) -> int:
        """Drop the bytes in memory of all stored pieces; return the number of bytes dropped."""
        return sum(piece.release_memory() for piece in self.pieces)


def _all_of(segment: Segment) -> Extract:
    return Extract(segment.key, Span(0, segment.length))


def _moved(sources: Sequence[Source], key: str) -> Iterator[Source]:
    """Yield sources in memory unchanged, and those in segments as extracts of the segment under `key`, which holds the
    bytes of all sources."""
    at = 0
    for source in sources:
        yield Extract(key, Span(at, at + len(source))) if isinstance(source, Extract) else source
        at += len(source)


def _compacted(chunk: Chunk) -> Chunk:
    wasteful = isinstance(chunk, memoryview) and 2 * chunk.nbytes < memoryview(chunk.obj).nbytes
    return bytes(chunk) if wasteful else chunk


def payload_of(pieces: Sequence[Piece], fetch: Fetch) -> Payload:
    """Return the bytes of `pieces` as a payload that can be sent repeatedly, from memory and from stored segments."""

    async def chunks() -> AsyncIterator[Chunk]:
        for source in list(_sources(pieces)):
            if isinstance(source, Extract):
                async for chunk in fetch(source.key, source.span):
                    yield chunk
            else:
                yield source

    fetched = any(isinstance(source, Extract) for source in _sources(pieces))
    return Payload(length=sum(piece.length for piece in pieces), chunks=chunks, fetched=fetched)


def _sources(pieces: Sequence[Piece]) -> Iterator[Source]:
    for piece in pieces:
        yield from piece.sources
