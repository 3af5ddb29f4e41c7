"""The bytes that are free in a store, and how many of them are kept for what frees some."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024
_MOST = 64 * MIB
_SHARE = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """Bytes that are free in a store, and those of them that new uploads and new bytes may not take.

    Removal, expiry and finishing may: each of them writes a little before anything gets free.
    """

    free: int
    reserve: int

    @property
    def full(self) -> bool:
        return self.free < self.reserve


def reserve_of(size: int) -> int:
    """The reserve of a store of so many bytes."""
    return min(_MOST, size // _SHARE)
