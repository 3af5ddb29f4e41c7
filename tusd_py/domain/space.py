"""The free space of a disk or store, and the reserve that only work which frees space may use."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024
_MAX_RESERVE = 64 * MIB
_SHARE = 10
"""The divisor of a store's size that gives its reserve, up to `_MAX_RESERVE`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """The free bytes of a store, and its reserve: free bytes that new uploads and new data must leave.

    Removal, expiry and the finish of uploads may use the reserve: each writes a little before it frees space.
    """

    free: int
    reserve: int

    @property
    def full(self) -> bool:
        return self.free < self.reserve


def reserve_of(size: int) -> int:
    """Return the reserve in bytes of a store of `size` bytes."""
    return min(_MAX_RESERVE, size // _SHARE)
