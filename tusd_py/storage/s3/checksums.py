"""Checksums that S3 verifies a body with."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from functools import reduce

from tusd_py.ports.body import Chunk
from tusd_py.storage.s3.options import Checksum
from tusd_py.storage.s3.pieces import Extract, Piece
from tusd_py.transfer.digests import crc32c


def crc_text(crc: int) -> str:
    """Return a CRC-32C as S3 writes it: four bytes, the highest first, in base64."""
    return base64.b64encode(crc.to_bytes(4, "big")).decode()


async def checksum_headers(kind: Checksum, pieces: Sequence[Piece], crc: int | None = None) -> Mapping[str, str]:
    """Return the header field with the checksum of the pieces' bytes; `crc` is their CRC-32C, if it is known. Return no
    field for the kind "none", nor if some bytes are only in stored segments, unless the kind is "crc32c" and `crc` is
    known.

    CRC-32C takes next to no time; MD5 is computed in a thread.
    """
    in_memory = all(piece.memory_size == piece.length for piece in pieces)
    if kind == "crc32c" and (in_memory or crc is not None):
        return {"x-amz-checksum-crc32c": crc_text(_crc(pieces) if crc is None else crc)}
    if kind == "md5" and in_memory:
        return {"Content-MD5": await asyncio.to_thread(_md5, pieces)}
    return {}


def _crc(pieces: Sequence[Piece]) -> int:
    return reduce(crc32c, _chunks(pieces), 0)


def _md5(pieces: Sequence[Piece]) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    for chunk in _chunks(pieces):
        digest.update(chunk)
    return base64.b64encode(digest.digest()).decode()


def _chunks(pieces: Sequence[Piece]) -> Iterator[Chunk]:
    return (source for piece in pieces for source in piece.sources if not isinstance(source, Extract))
