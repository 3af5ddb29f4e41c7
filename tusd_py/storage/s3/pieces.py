"""A part while it is put together: bytes in memory, bytes that wait in segments, or both."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field

import google_crc32c

from tusd_py.storage.s3.cursor import Segment
from tusd_py.storage.s3.wire import Payload

Fetch = Callable[[str], AsyncIterator[bytes]]
"""The bytes of an object, by key."""


@dataclass(slots=True)
class Piece:
    """A run of a part's bytes, from memory and from stored segments."""

    length: int = 0
    crc: int = 0
    """CRC-32C of the part up to the end of this piece."""
    held: int = 0
    """How many of the bytes are in memory."""
    sources: list[bytes | Segment] = field(default_factory=list)
    segment: Segment | None = None
    """Where all of it is stored, once it is."""

    def add(self, chunk: bytes) -> None:
        self.sources.append(chunk)
        self.length += len(chunk)
        self.held += len(chunk)
        self.crc = google_crc32c.extend(self.crc, chunk)

    def stored(self, key: str) -> None:
        self.segment = Segment(key=key, length=self.length, crc=self.crc)

    def forget(self) -> int:
        """Let go of the memory, if all of it is stored; returns how many bytes that frees."""
        if self.segment is None:
            return 0
        freed, self.held, self.sources = self.held, 0, [self.segment]
        return freed

    def __add__(self, after: Piece) -> Piece:
        return Piece(
            length=self.length + after.length,
            crc=after.crc,
            held=self.held + after.held,
            sources=self.sources + after.sources,
        )


class Assembly:
    """The pieces of one part, in order. Only the last may be fresh, which is: not yet stored."""

    def __init__(self, tail: Sequence[Segment] = ()) -> None:
        self.pieces = [Piece(length=s.length, crc=s.crc, sources=[s], segment=s) for s in tail]

    @property
    def length(self) -> int:
        return sum(piece.length for piece in self.pieces)

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

    def add(self, chunk: bytes) -> None:
        """Take the bytes that come next."""
        if self.fresh is None:
            self.pieces.append(Piece(crc=self.crc))
        self.pieces[-1].add(chunk)

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

    def forget(self) -> int:
        """Let go of the memory of all that is stored; returns how many bytes that frees."""
        return sum(piece.forget() for piece in self.pieces)


def payload_of(pieces: Sequence[Piece], fetch: Fetch) -> Payload:
    """The bytes of `pieces`, as often as need be: what is in memory from there, the rest from where it is stored."""

    async def chunks() -> AsyncIterator[bytes]:
        for source in list(_sources(pieces)):
            if isinstance(source, bytes):
                yield source
            else:
                async for chunk in fetch(source.key):
                    yield chunk

    return Payload(length=sum(piece.length for piece in pieces), chunks=chunks)


def _sources(pieces: Sequence[Piece]) -> Iterator[bytes | Segment]:
    for piece in pieces:
        yield from piece.sources
