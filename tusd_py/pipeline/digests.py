"""Checking a body against an announced checksum while it streams by."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import Protocol

import google_crc32c

from tusd_py.protocol.intents import Checksum


class _Hash(Protocol):
    def update(self, data: bytes, /) -> None: ...

    def digest(self) -> bytes: ...


_HASHES: Mapping[str, Callable[[], _Hash]] = {
    "sha1": lambda: hashlib.sha1(usedforsecurity=False),
    "sha256": hashlib.sha256,
    "sha512": hashlib.sha512,
    "md5": lambda: hashlib.md5(usedforsecurity=False),
    "crc32c": google_crc32c.Checksum,
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

    def update(self, chunk: bytes) -> None:
        if self._hash is not None:
            self._hash.update(chunk)

    def agrees(self) -> bool:
        """The bytes so far are the ones announced."""
        if self._hash is None or self._announced is None:
            return True
        return hmac.compare_digest(self._hash.digest(), self._announced.digest)
