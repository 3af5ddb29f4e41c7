"""A part while it is put together: bytes in memory, bytes that wait in segments, or both."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field

from tusd_py.domain.upload import Span
from tusd_py.ports.body import Chunk
from tusd_py.storage.s3.api.requests import Payload
from tusd_py.storage.s3.cursor import Segment
from tusd_py.transfer.digests import crc32c

Fetch = Callable[[str, Span], AsyncIterator[bytes]]
"""The bytes of a span of an object, by key."""


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
    """A run of a part's bytes, from memory and from stored segments."""

    length: int = 0
    known_crc: int = 0
    """CRC-32C of the part up to the end of the first `hashed` sources."""
    hashed: int = 0
    held: int = 0
    """How many of the bytes are in memory."""
    sources: list[Source] = field(default_factory=list)
    """Once all of it is stored, none but `segment` is read: what it was gathered from is removed then."""
    segment: Segment | None = None
    """Where all of it is stored, once it is."""

    @classmethod
    def of(cls, segment: Segment) -> Piece:
        """All of it is stored, and none of it in memory."""
        return cls(length=segment.length, known_crc=segment.crc, hashed=1, sources=[_all_of(segment)], segment=segment)

    @property
    def crc(self) -> int:
        """CRC-32C of the part up to the end of this piece."""
        for source in self.sources[self.hashed :]:
            if not isinstance(source, Extract):  # those of a segment were hashed before it was stored
                self.known_crc = crc32c(self.known_crc, source)
        self.hashed = len(self.sources)
        return self.known_crc

    def add(self, chunk: Chunk) -> None:
        self.sources.append(chunk)
        self.length += len(chunk)
        self.held += len(chunk)

    def stored(self, key: str) -> None:
        """All of it is the segment under `key` from now on."""
        self.segment = Segment(key=key, length=self.length, crc=self.crc)
        self.sources = list(_moved(self.sources, key))

    def forget(self) -> int:
        """Let go of the memory, if all of it is stored; returns how many bytes that frees."""
        if self.segment is None:
            return 0
        freed, self.held, self.sources, self.hashed = self.held, 0, [_all_of(self.segment)], 1
        return freed

    def __add__(self, after: Piece) -> Piece:
        return Piece(
            length=self.length + after.length,
            known_crc=after.crc,
            hashed=len(self.sources) + len(after.sources),
            held=self.held + after.held,
            sources=self.sources + after.sources,
        )


class Assembly:
    """The pieces of one part, in order. Only the last may be fresh, which is: not yet stored."""

    def __init__(self, tail: Sequence[Segment] = ()) -> None:
        self.pieces = [Piece.of(segment) for segment in tail]
        self.length = sum(piece.length for piece in self.pieces)

    @property
    def held(self) -> int:
        return sum(piece.held for piece in self.pieces)

    @property
    def crc(self) -> int:
        return self.pieces[-1].crc if self.pieces else 0

    @property
    def fresh(self) -> Piece | None:
        return self.pieces[-1] if self.pieces and self.pieces[-1].segment is None else None

    @property
    def segments(self) -> tuple[Segment, ...]:
        return tuple(piece.segment for piece in self.pieces if piece.segment is not None)

    def add(self, chunk: Chunk) -> None:
        """Take the bytes that come next."""
        if self.fresh is None:
            self.pieces.append(Piece(known_crc=self.crc))
        self.pieces[-1].add(chunk)
        self.length += len(chunk)

    def fold(self, most: int) -> None:
        """Join the fresh piece with stored ones until there are at most `most`.

        Where there are many, every neighbour that isn't larger goes in too: sizes then at least double from the end to
        the start, and however small the chunks, a byte is stored again only about as often as sizes can double.
        """
        if len(self.pieces) <= most:
            return
        while len(self.pieces) > most or (len(self.pieces) > 1 and self.pieces[-2].length <= self.pieces[-1].length):
            last, before = self.pieces.pop(), self.pieces.pop()
            self.pieces.append(before + last)

    def settle(self) -> None:
        """To be kept for long: let no few bytes hold a whole slab that others could use."""
        for piece in self.pieces:
            piece.sources = [source if isinstance(source, Extract) else _settled(source) for source in piece.sources]

    def forget(self) -> int:
        """Let go of the memory of all that is stored; returns how many bytes that frees."""
        return sum(piece.forget() for piece in self.pieces)


def _all_of(segment: Segment) -> Extract:
    return Extract(segment.key, Span(0, segment.length))


def _moved(sources: Sequence[Source], key: str) -> Iterator[Source]:
    """What is in memory stays there; what lies in older segments is found under `key`."""
    at = 0
    for source in sources:
        yield Extract(key, Span(at, at + len(source))) if isinstance(source, Extract) else source
        at += len(source)


def _settled(chunk: Chunk) -> Chunk:
    wasteful = isinstance(chunk, memoryview) and 2 * chunk.nbytes < memoryview(chunk.obj).nbytes
    return bytes(chunk) if wasteful else chunk


def payload_of(pieces: Sequence[Piece], fetch: Fetch) -> Payload:
    """The bytes of `pieces`, as often as need be: what is in memory from there, the rest from where it is stored."""

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
