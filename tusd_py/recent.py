"""One answer for many who ask at about the same time."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Recent(Generic[T]):
    """What `ask` answered less than `age` seconds ago: however many want to know, one asks at a time, the others wait
    for that answer, and it isn't asked again before it is so old."""

    def __init__(self, ask: Callable[[], Awaitable[T]], age: float) -> None:
        self._ask, self._age = ask, age
        self._turn = asyncio.Lock()
        self._answer: T
        self._answered_at = -math.inf

    async def get(self) -> T:
        """Raises what `ask` does; that is no answer, and is not kept."""
        async with self._turn:
            if _now() - self._answered_at >= self._age:
                self._answer = await self._ask()
                self._answered_at = _now()
            return self._answer


def _now() -> float:
    return asyncio.get_running_loop().time()
