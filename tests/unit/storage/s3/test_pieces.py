"""A part while it is put together."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Sequence
from itertools import count

import google_crc32c
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tusd_py.domain.span import Span
from tusd_py.storage.s3.cursor import Segment
from tusd_py.storage.s3.pieces import Assembly, Extract, Piece, payload_of

MOST = 16
FEW = 3
"""A limit of segments that is so low that a few dozen steps exceed it often."""
KIB = 1024


class Store:
    """Segments as S3 would keep them."""

    def __init__(self) -> None:
        self.objects = dict[str, bytes]()
        self.names = count()
        self.written = 0

    async def fetch(self, key: str, span: Span) -> AsyncIterator[bytes]:
        yield self.objects[key][span.start : span.stop]

    async def save(self, assembly: Assembly, limit: int = MOST) -> None:
        """Merge the part's pieces if they are more than `limit`, store the last one as a segment, as a request does at
        its end, and remove the segments that the part's tail no longer has."""
        assembly.merge(limit)
        piece, key = assembly.pieces[-1], f"segment-{next(self.names)}"
        self.objects[key] = await self.read([piece])
        self.written += piece.length
        piece.mark_stored(key)
        self.objects = {segment.key: self.objects[segment.key] for segment in assembly.segments}

    async def read(self, pieces: Sequence[Piece]) -> bytes:
        return b"".join([chunk async for chunk in payload_of(pieces, self.fetch).chunks()])


steps = st.lists(st.binary(min_size=1, max_size=20) | st.sampled_from(["save", "forget", "reload"]), max_size=60)


@given(steps)
async def test_random_steps_keep_bytes_and_checksum(steps: list[bytes | str]) -> None:
    store, assembly, data = Store(), Assembly(), b""
    for step in steps:
        if isinstance(step, bytes):
            assembly.add(step)
            data += step
        elif step == "forget":
            assembly.release_memory()
        elif assembly.unstored_piece:
            await store.save(assembly, FEW)
            assembly = Assembly(assembly.segments) if step == "reload" else assembly
    assert (assembly.length, assembly.crc) == (len(data), google_crc32c.value(data) if data else 0)
    assert [await store.read(assembly.pieces) for _ in range(2)] == [data, data]
    assert len(assembly.segments) <= FEW


@pytest.mark.parametrize(
    ("chunk", "part", "times"), [(64, 128 * KIB, 7.0), (8 * KIB, 8 * KIB * KIB, 7.0), (KIB * KIB, 8 * KIB * KIB, 1.0)]
)
async def test_small_requests_rewrite_bytes_a_few_times(chunk: int, part: int, times: float) -> None:
    store, assembly = Store(), Assembly()
    for _ in range(part // chunk):
        assembly.add(bytes(chunk))
        await store.save(assembly)
        assembly.release_memory()
    assert assembly.length == part
    assert len(assembly.segments) <= MOST
    assert store.written <= times * part


LIMIT = 20
TOTAL = 2 ** (LIMIT - 2)
"""The most bytes of a part: halved again and again down to one byte, it makes fewer pieces than `LIMIT`, as a real part
of at most 1 GiB makes fewer than the 32 segments of the default."""
sizes = st.integers(1, 40) | st.integers(1, TOTAL // LIMIT) | st.sampled_from([1, TOTAL // LIMIT - 7, TOTAL // 4])


@given(st.lists(sizes, max_size=200))
@example([4000 - 4 * step for step in range(LIMIT)] + [1] * 500)
@example([4000] * (LIMIT - 1) + [1900] + [1] * 500)
async def test_each_byte_is_stored_again_as_sizes_double(sizes: list[int]) -> None:
    """On average, a byte is stored at most 2 + log2(`TOTAL` / its request's size) times, also at the limit of segments,
    where each further request has to merge some."""
    store, assembly, allowed = Store(), Assembly(), 0.0
    for size in sizes:
        if assembly.length + size <= TOTAL:
            assembly.add(bytes(size))
            await store.save(assembly, LIMIT)
            assembly.release_memory()
            allowed += size * (2 + math.log2(TOTAL / size))
    assert len(assembly.segments) <= LIMIT
    assert store.written <= allowed


async def test_only_what_is_stored_is_forgotten() -> None:
    store, assembly = Store(), Assembly()
    assembly.add(b"abc")
    assert assembly.release_memory() == 0
    await store.save(assembly)
    assembly.add(b"de")
    assert assembly.release_memory() == 3
    assert assembly.memory_size == 2
    assert await store.read(assembly.pieces) == b"abcde"


def test_compact_pieces_hold_twice_their_bytes_at_most() -> None:
    assembly, slab = Assembly(), memoryview(bytes(range(250)))
    for chunk in (slab[:10], slab[50:250], b"abc"):
        assembly.add(chunk)
    assembly.compact()
    assert assembly.crc == google_crc32c.value(bytes([*range(10), *range(50, 250)]) + b"abc")
    few, many, own = assembly.pieces[0].sources
    assert few == slab[:10]
    assert isinstance(few, bytes)
    assert isinstance(many, memoryview)
    assert own == b"abc"


def test_a_stored_piece_has_its_sources_where_they_lie() -> None:
    """Once a piece that was joined from segments is stored, each of its sources is read from its place in the segment
    of the whole piece."""
    first, second, third = [Piece.from_segment(Segment(key=key, length=3, crc=0)) for key in ("a", "b", "c")]
    piece = first + second + third
    piece.mark_stored("whole")
    assert piece.sources == [Extract("whole", Span(at, at + 3)) for at in (0, 3, 6)]
