"""How a call to S3 is repeated and timed."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from typing import TypeVar

from tusd_py.domain.thresholds import DEFAULT
from tusd_py.ports.meter import Meter
from tusd_py.storage.s3.api.errors import S3Failure, S3Trouble, translated

T = TypeVar("T")


@dataclass(slots=True)
class Attempt:
    """One call."""

    asked: bool = True
    """S3 was asked, as far as is known."""


@dataclass(frozen=True, slots=True)
class Attempts:
    """Repeats what a repeat may cure, tells the meter of each attempt, and asks `guard` before each.

    The guard raises what it likes: a repeat may come too late.
    """

    meter: Meter
    guard: Callable[[], None] = lambda: None
    most: int = DEFAULT.attempts
    """Where the caller doesn't say how many."""

    async def call(self, operation: str, call: Callable[[], Awaitable[T]], attempts: int | None = None) -> T:
        """The result. Raises S3Failure, once the attempts are used up or where no repeat helps."""
        result, _ = await self.tell(operation, call, attempts)
        return result

    async def tell(
        self, operation: str, call: Callable[[], Awaitable[T]], attempts: int | None = None
    ) -> tuple[T, bool]:
        """The result, and true if an attempt before it got no answer: it may yet take effect. Raises as `call`."""
        most, troubled = attempts or self.most, False
        for attempt in count(1):
            self.guard()
            try:
                async with self.observed(operation):
                    return await call(), troubled
            except S3Trouble as trouble:
                troubled = troubled or trouble.unanswered
                if attempt == most:
                    raise
            await pause(attempt)
        raise AssertionError("the last attempt returns or raises")

    @asynccontextmanager
    async def observed(self, operation: str) -> AsyncIterator[Attempt]:
        """One attempt, in S3's kinds of failure."""
        started, outcome, attempt = time.perf_counter(), "ok", Attempt()
        try:
            async with translated(operation):
                yield attempt
        except S3Failure as failure:
            outcome = failure.code or "failed"
            raise
        finally:
            if attempt.asked:
                self.meter.s3_request(operation, time.perf_counter() - started, outcome)


async def pause(attempt: int) -> None:
    """Full jitter, so that many who failed together don't come back together."""
    await asyncio.sleep(random.uniform(0, min(0.2 * 2**attempt, 3)))  # noqa: S311 (no secret)
