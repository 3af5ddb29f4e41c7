"""The digests that clients announce or ask for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Checksum:
    """The digest that a request announces for its own body."""

    algorithm: str
    """The algorithm in lower case, one of `protocol.headers.CHECKSUM_ALGORITHMS`."""
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeDigest:
    """The digest of all bytes of an upload, which its client announces or asks for."""

    algorithm: str
    """`sha256` or `sha512`."""
    value: str | None = None
    """The digest in hex: as the client announces it, and once the upload is done, as the server computed it; None
    before, if the client only asks for a digest."""
