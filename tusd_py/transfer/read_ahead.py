"""Concurrent reads of ranges of a large object, for a reader that is faster than one connection to S3.

One connection carries some 80 MB/s. A slower reader is served by one request from the first byte to the last.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Protocol

from tusd_py.domain.span import Span
from tusd_py.domain.thresholds import DEFAULT, Thresholds
from tusd_py.transfer.budget import Budget


class Fetch(Protocol):
    """A function that yields the bytes of a span of one object."""

    def __call__(self, span: Span, *, wide: bool) -> AsyncGenerator[bytes, None]:
        """Yield the bytes; with `wide`, read in larger pieces, which takes up to `Thresholds.wide_window` bytes of
        memory."""


_S3_BOUND = 0.5
"""The share of the time of a trial (`Thresholds.read_trial` bytes) that the reader must wait for S3 to count as slowed
by S3, so that more ranges help."""
_SHARE = 8
"""The divisor of the memory budget that gives the bytes that all readers together may read ahead."""


class ReadAhead:
    """The memory for reading ahead that all readers of a storage share: at most an eighth of the memory budget."""

    def __init__(self, budget: Budget, thresholds: Thresholds = DEFAULT) -> None:
        self.thresholds = thresholds
        self._budget = budget
        self._remaining = budget.limit // _SHARE

    async def read(self, fetch: Fetch, span: Span) -> AsyncGenerator[bytes, None]:
        """Yield the bytes of `span` in order; must be closed if not read to the end. Raises what `fetch` raises."""
        pace = _Pace(self.thresholds.read_trial)
        async with aclosing(_Window(self, fetch, span, pace).chunks()) as chunks:
            async for chunk in pace.over(chunks):
                yield chunk

    def take(self, size: int) -> bool:
        """Charge `size` bytes and return True, if they fit both in the memory for reading ahead and in the budget
        (`Budget.try_charge`); else return False. `give_back` releases them."""
        if size > self._remaining or not self._budget.try_charge(size):
            return False
        self._remaining -= size
        return True

    def give_back(self, size: int) -> None:
        self._remaining += size
        self._budget.free(size)


class _Pace:
    """A measurement of the time that the reader waits for S3. After every `trial` bytes, `s3_bound` is set: True if the
    reader waited most of the time."""

    def __init__(self, trial: int) -> None:
        self.trials = 0
        self._trial = trial
        self.s3_bound = False
        """True if the reader waited for S3 for most of the time of the last trial (`trial` bytes); False before the
        first one ends."""
        self._clock = asyncio.get_running_loop().time
        self._began, self._waited, self._read_bytes = self._clock(), 0.0, 0

    async def over(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        asked_at = self._clock()
        async for chunk in chunks:
            self._waited += self._clock() - asked_at
            self._read_bytes += len(chunk)
            if self._read_bytes >= self._trial:
                self._judge()
            yield chunk
            asked_at = self._clock()

    def _judge(self) -> None:
        now = self._clock()
        self.trials += 1
        self.s3_bound = self._waited > _S3_BOUND * (now - self._began)
        self._began, self._waited, self._read_bytes = now, 0.0, 0


class _Window:
    """The ranges being fetched: more of them while the reader waits for S3, fewer while they wait for the reader."""

    def __init__(self, ahead: ReadAhead, fetch: Fetch, span: Span, pace: _Pace) -> None:
        self._ahead = ahead
        self._fetch = fetch
        self._at, self._stop = span.start, span.stop
        self._pace = pace
        self._judged_trials = 0
        self._range, self._max_ranges = ahead.thresholds.read_range, ahead.thresholds.read_ranges
        self._width = self._max_ranges
        self._fetches: deque[tuple[int, asyncio.Task[list[bytes]]]] = deque()

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        async with aclosing(self._in_one_request()) as first:
            async for chunk in first:
                yield chunk
        try:
            while self._at < self._stop or self._fetches:
                self._adjust()
                self._fill()
                async with aclosing(self._buffered() if self._fetches else self._unbuffered()) as chunks:
                    async for chunk in chunks:
                        yield chunk
        finally:
            await self._drop()

    async def _in_one_request(self) -> AsyncGenerator[bytes, None]:
        """Yield the bytes of one request for the whole span, but stop once the reader proves to be faster than one
        connection (`_Pace.s3_bound`) and more bytes are left than one range has (`Thresholds.read_range`)."""
        window = self._ahead.thresholds.wide_window
        wide = self._ahead.take(window)
        try:
            async with aclosing(self._fetch(Span(self._at, self._stop), wide=wide)) as chunks:
                async for chunk in chunks:
                    self._at += len(chunk)
                    yield chunk
                    if self._pace.s3_bound and self._stop - self._at > self._range:
                        return
        finally:
            if wide:
                self._ahead.give_back(window)

    def _adjust(self) -> None:
        if self._pace.trials > self._judged_trials:
            self._judged_trials = self._pace.trials
            self._width = min(self._width + 1, self._max_ranges) if self._pace.s3_bound else max(self._width // 2, 1)

    def _fill(self) -> None:
        while self._at < self._stop and len(self._fetches) < self._width:
            span = self._next()
            if not self._ahead.take(len(span)):
                return
            self._at = span.stop
            self._fetches.append((len(span), asyncio.create_task(self._fetched(span))))

    def _next(self) -> Span:
        return Span(self._at, min(self._at + self._range, self._stop))

    async def _fetched(self, span: Span) -> list[bytes]:
        async with aclosing(self._fetch(span, wide=True)) as chunks:
            return [chunk async for chunk in chunks]

    async def _buffered(self) -> AsyncGenerator[bytes, None]:
        size, task = self._fetches[0]
        for chunk in await task:
            yield chunk
        self._fetches.popleft()
        self._ahead.give_back(size)

    async def _unbuffered(self) -> AsyncGenerator[bytes, None]:
        """Yield the bytes of the next range as they arrive, when there is no memory to read ahead."""
        span = self._next()
        self._at = span.stop
        async with aclosing(self._fetch(span, wide=False)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def _drop(self) -> None:
        for _, task in self._fetches:
            task.cancel()
        try:
            await asyncio.gather(*(task for _, task in self._fetches), return_exceptions=True)
        finally:  # the reader may be cancelled once more
            while self._fetches:
                size, _ = self._fetches.popleft()
                self._ahead.give_back(size)
