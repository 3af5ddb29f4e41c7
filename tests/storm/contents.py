"""The bytes of uploads: each a stretch of one pool, so that a thousand uploads need no more memory."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

MIB = 1024 * 1024
_POOL = Random(0).randbytes(48 * MIB)
LONGEST = 32 * MIB


@dataclass(frozen=True, slots=True)
class Content:
    """An upload's bytes: `size` bytes of the module's random bytes, from `start` on."""

    start: int
    size: int

    def slice(self, begin: int, end: int) -> bytes:
        return _POOL[self.start + begin : self.start + min(end, self.size)]

    def digest(self) -> str:
        return hashlib.sha256(memoryview(_POOL)[self.start : self.start + self.size]).hexdigest()


def some_content(dice: Random) -> Content:
    """Return content of a random size up to 32 MiB: most are a few MiB or less, some are several parts, a few are
    long."""
    size = round(dice.choices(_SIZES, _WEIGHTS)[0](dice))
    return Content(dice.randrange(len(_POOL) - LONGEST), min(size, LONGEST))


_SIZES: tuple[Callable[[Random], float], ...] = (
    lambda dice: dice.choice((0, 1, 5 * MIB - 1, 5 * MIB, 5 * MIB + 1, 10 * MIB)),
    lambda dice: dice.uniform(1, MIB),
    lambda dice: dice.uniform(MIB, 6 * MIB),
    lambda dice: dice.uniform(6 * MIB, 12 * MIB),
    lambda dice: dice.uniform(12 * MIB, LONGEST),
)
_WEIGHTS = (8, 40, 34, 15, 3)
