"""Calls to S3, retried and timed."""

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
from tusd_py.storage.s3.api.errors import S3Error, S3TransientError, translated

T = TypeVar("T")


@dataclass(slots=True)
class Attempt:
    """One try of a call."""

    counted: bool = True
    """True if a request was sent, as far as is known: only then the meter counts the attempt."""


@dataclass(frozen=True, slots=True)
class Retries:
    """Retries calls that raise S3TransientError, and reports each attempt to the meter. `call` and `tell` call `guard`
    before each attempt; `observed`, which is for a single attempt, doesn't.

    The guard may raise any exception, which ends the call: an attempt may come too late.
    """

    meter: Meter
    guard: Callable[[], None] = lambda: None
    limit: int = DEFAULT.attempts
    """The most attempts at a call, unless its caller gives another number."""

    async def call(self, operation: str, call: Callable[[], Awaitable[T]], attempts: int | None = None) -> T:
        """Return the result of `call`, tried `attempts` times at most (None: `limit` times). Raises S3Error after the
        last attempt, or at once if no retry helps; at once, too, what the guard raises, and exceptions of `call` that
        are no failure of S3, such as UploadLost."""
        result, _ = await self.tell(operation, call, attempts)
        return result

    async def tell(
        self, operation: str, call: Callable[[], Awaitable[T]], attempts: int | None = None
    ) -> tuple[T, bool]:
        """Do the same as the method `call`, but return the result together with True if an earlier attempt may have
        taken effect or may yet do so, as S3 didn't answer that it hadn't carried out the request
        (`S3Error.unanswered`); else with False. Raises what the method `call` raises.
        """
        limit, troubled = attempts or self.limit, False
        for attempt in count(1):
            self.guard()
            try:
                async with self.observed(operation):
                    return await call(), troubled
            except S3TransientError as trouble:
                troubled = troubled or trouble.unanswered
                if attempt == limit:
                    raise
            await pause(attempt)
        raise AssertionError("the last attempt returns or raises")

    @asynccontextmanager
    async def observed(self, operation: str) -> AsyncIterator[Attempt]:
        """Yield an attempt, which the caller makes in this context. Report the attempt's time and outcome to the meter,
        unless the caller sets `counted` to False; turn errors of botocore, aiohttp and the system into S3Error. Other
        exceptions, such as UploadLost, stay as they are.
        """
        started, outcome, attempt = time.perf_counter(), "failed", Attempt()
        try:
            async with translated(operation):
                yield attempt
            outcome = "ok"
        except asyncio.CancelledError:
            outcome = "cancelled"
            raise
        except S3Error as failure:
            outcome = failure.code or outcome
            raise
        finally:
            if attempt.counted:
                self.meter.s3_request(operation, time.perf_counter() - started, outcome)


async def pause(attempt: int) -> None:
    """Sleep after failed attempt number `attempt`, counted from 1: up to 0.2 s times 2 to the power of `attempt`, but
    at most 3 s, with full jitter, so that calls that failed together aren't retried together."""
    await asyncio.sleep(random.uniform(0, min(0.2 * 2**attempt, 3)))  # noqa: S311 (no secret)
