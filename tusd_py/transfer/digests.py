"""The verification of a body's checksum while it streams, and the digest of a whole upload."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Iterable, Mapping
from contextlib import aclosing
from typing import Protocol

import google_crc32c

from tusd_py.domain.digest import Checksum
from tusd_py.domain.upload import Upload
from tusd_py.ports.body import Chunk


def crc32c(before: int, chunk: Chunk) -> int:
    """Return the CRC-32C of bytes with the chunk appended; `before` is their CRC-32C without it.

    The library accepts only `bytes`, so a chunk that is a view is copied: of the 0.06 CPU-s/GiB in all, the copy takes
    0.02 if the chunk is in the CPU's cache.
    """
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
    """The running digest of a body, which any bytes match if no checksum was announced."""

    def __init__(self, announced: Checksum | None) -> None:
        self._announced = announced
        self._hash = _HASHES[announced.algorithm]() if announced else None

    @property
    def open(self) -> bool:
        """True if a checksum was announced: no byte may be recorded before it matches."""
        return self._hash is not None

    def update(self, chunk: Chunk) -> None:
        if self._hash is not None:
            self._hash.update(chunk)

    def matches(self) -> bool:
        """Return True if the bytes so far have the announced checksum, or none was announced."""
        if self._hash is None or self._announced is None:
            return True
        return hmac.compare_digest(self._hash.digest(), self._announced.digest)


class Tally:
    """The running digest of a whole upload, which is known only if all of its bytes pass in one request."""

    def __init__(self) -> None:
        self._hash: _Hash | None = None
        self._length = 0

    async def over(self, upload: Upload, chunks: AsyncIterable[Chunk]) -> AsyncIterator[Chunk]:
        """Yield the chunks, which begin at `upload.offset`, and hash them if that is 0 and the client has announced the
        digest of the upload or asked for it."""
        if upload.digest is not None and upload.offset == 0:
            self._hash = _HASHES[upload.digest.algorithm]()
        async for chunk in chunks:
            if self._hash is not None:
                self._hash.update(chunk)
                self._length += len(chunk)
            yield chunk

    def of(self, upload: Upload) -> str | None:
        """Return the digest of the upload in hex; None unless all of its bytes were hashed."""
        if self._hash is None or self._length != upload.length:
            return None
        return self._hash.digest().hex()


async def digest_of(algorithm: str, chunks: AsyncGenerator[bytes, None]) -> str:
    """Return the digest of all chunks together, in hex, and close `chunks`; raises what they raise. `algorithm` is as
    for `digests_of`."""
    return (await digests_of([algorithm], chunks))[algorithm]


async def digests_of(algorithms: Iterable[str], chunks: AsyncGenerator[bytes, None]) -> Mapping[str, str]:
    """Return, by algorithm (`sha1`, `sha256`, `sha512`, `md5` or `crc32c`), the digest of all chunks together, in hex,
    and close `chunks`; raises what they raise."""
    running = {algorithm: _HASHES[algorithm]() for algorithm in algorithms}
    async with aclosing(chunks):
        async for chunk in chunks:
            for digest in running.values():
                digest.update(chunk)
    return {algorithm: digest.digest().hex() for algorithm, digest in running.items()}
