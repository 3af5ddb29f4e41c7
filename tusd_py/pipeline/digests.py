"""Checking a body against an announced checksum while it streams by."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import Protocol

import google_crc32c

from tusd_py.pipeline.body import Chunk
from tusd_py.protocol.intents import Checksum


def crc32c(before: int, chunk: Chunk) -> int:
    """The CRC-32C of more. The library takes bytes alone: copied while in the cache, 0.02 of the 0.06 CPU-s/GiB."""
    return int(google_crc32c.extend(before, bytes(chunk)))


class _Hash(Protocol):
    def update(self, data: Chunk, /) -> None: ...

    def digest(self) -> bytes: ...


class _Crc32c:
    def __init__(self) -> None:
        self._crc = 0

    def update(self, data: Chunk, /) -> None:
        self._crc = crc32c(self._crc, data)

    def digest(self) -> bytes:
        return self._crc.to_bytes(4, "big")


_HASHES: Mapping[str, Callable[[], _Hash]] = {
    "sha1": lambda: hashlib.sha1(usedforsecurity=False),
    "sha256": hashlib.sha256,
    "sha512": hashlib.sha512,
    "md5": lambda: hashlib.md5(usedforsecurity=False),
    "crc32c": _Crc32c,
}


class Digest:
    """The running digest of a body; agrees with anything when no checksum was announced."""

    def __init__(self, announced: Checksum | None) -> None:
        self._announced = announced
        self._hash = _HASHES[announced.algorithm]() if announced else None

    @property
    def open(self) -> bool:
        """There is a checksum to be met: nothing counts before it is."""
        return self._hash is not None

    def update(self, chunk: Chunk) -> None:
        if self._hash is not None:
            self._hash.update(chunk)

    def agrees(self) -> bool:
        """The bytes so far are the ones announced."""
        if self._hash is None or self._announced is None:
            return True
        return hmac.compare_digest(self._hash.digest(), self._announced.digest)
