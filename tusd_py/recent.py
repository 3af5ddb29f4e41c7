"""One answer for callers that ask at about the same time."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Recent(Generic[T]):
    """The answer of `ask`, cached for `age` seconds. One caller at a time asks, while the others wait for its answer;
    if `ask` raises, the next caller asks again."""

    def __init__(self, ask: Callable[[], Awaitable[T]], age: float) -> None:
        self._ask, self._age = ask, age
        self._lock = asyncio.Lock()
        self._answer: T
        self._answered_at = -math.inf

    async def get(self) -> T:
        """Return the answer. Raises what `ask` raises, which is not cached."""
        async with self._lock:
            if _now() - self._answered_at >= self._age:
                self._answer = await self._ask()
                self._answered_at = _now()
            return self._answer


def _now() -> float:
    return asyncio.get_running_loop().time()
