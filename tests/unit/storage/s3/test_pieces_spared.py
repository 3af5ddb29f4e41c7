"""Bytes of a part that are kept, hashed and stored again: no more than must be."""

from __future__ import annotations

import google_crc32c
import pytest

from tusd_py.storage.s3.cursor import Segment
from tusd_py.storage.s3.pieces import Assembly, Piece, _compacted

SEGMENT = Segment(key="k", length=3, crc=google_crc32c.value(b"abc"))


def stored(*lengths: int) -> Assembly:
    assembly = Assembly()
    for number, length in enumerate(lengths):
        assembly.add(bytes(length))
        assembly.pieces[-1].mark_stored(f"k{number}")
    return assembly


def lengths(assembly: Assembly) -> list[int]:
    return [piece.length for piece in assembly.pieces]


@pytest.mark.parametrize(
    ("before", "limit", "after"),
    [
        ((1, 1, 1), 3, [1, 1, 1]),  # as many as may be are left alone
        ((8, 4, 2, 1), 3, [8, 4, 3]),  # the last two suffice where each is smaller than the one before
        ((8, 3, 2, 1), 3, [8, 6]),  # else neighbours that aren't larger go in, one of the same size too
        ((6, 3, 2, 1), 3, [12]),
        ((1, 1), 1, [2]),
    ],
)
def test_merge_joins_pieces_until_sizes_double(before: tuple[int, ...], limit: int, after: list[int]) -> None:
    """A merge of up to `limit` pieces joins none. A merge of one more joins the last two if each piece is larger than
    all pieces after it together; else it joins one that isn't larger with all pieces after it."""
    assembly = stored(*before)
    assembly.merge(limit)
    assert lengths(assembly) == after


def test_added_bytes_continue_a_stored_checksum() -> None:
    for piece in (Piece.from_segment(SEGMENT), _forgotten()):
        assembly = Assembly([SEGMENT])
        assembly.pieces = [piece]
        assert assembly.crc == SEGMENT.crc
        piece.add(b"de")
        assert piece.crc == google_crc32c.value(b"abcde")


def _forgotten() -> Piece:
    piece = Piece()
    piece.add(b"abc")
    piece.mark_stored("k")
    assert piece.release_memory() == 3
    return piece


@pytest.mark.parametrize(("size", "copied"), [(49, True), (50, False), (100, False)])
def test_a_few_bytes_do_not_hold_a_slab(size: int, copied: bool) -> None:  # noqa: FBT001 (a parameter of the test)
    slab = bytearray(100)
    source = _compacted(memoryview(slab)[:size])
    assert isinstance(source, bytes) is copied
