"""Several ranges of a large object at a time, for a reader that takes bytes faster than one connection brings them.

S3 carries some 80 MB/s a connection. Whoever takes less is served by one request from the first byte to the last.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Protocol

from tusd_py.domain.thresholds import DEFAULT, Thresholds
from tusd_py.domain.upload import Span
from tusd_py.transfer.budget import Budget


class Fetch(Protocol):
    """The bytes of a span of the object."""

    def __call__(self, span: Span, *, wide: bool) -> AsyncGenerator[bytes, None]:
        """`wide`: read much at a time, which takes up to `wide_window` bytes more than else."""


_HUNGRY = 0.5
"""The share of the time that the reader must have waited for S3."""
_SHARE = 8
"""The fraction of the memory budget that all readers together may fill ahead."""


class ReadAhead:
    """What the readers of one process share."""

    def __init__(self, budget: Budget, thresholds: Thresholds = DEFAULT) -> None:
        self.thresholds = thresholds
        self._budget = budget
        self._left = budget.limit // _SHARE

    async def read(self, fetch: Fetch, span: Span) -> AsyncGenerator[bytes, None]:
        """The bytes of `span`, in order; raises what `fetch` raises. To be closed by who doesn't read to the end."""
        pace = _Pace(self.thresholds.read_trial)
        async with aclosing(_Window(self, fetch, span, pace).chunks()) as chunks:
            async for chunk in pace.over(chunks):
                yield chunk

    def take(self, size: int) -> bool:
        """Memory for `size` bytes, if there is some to spare."""
        if size > self._left or not self._budget.spare(size):
            return False
        self._left -= size
        return True

    def give_back(self, size: int) -> None:
        self._left += size
        self._budget.free(size)


class _Pace:
    """Who waits for whom: judged anew from trial to trial."""

    def __init__(self, trial: int) -> None:
        self.trials = 0
        self._trial = trial
        self.hungry = False
        """In the last trial the reader mostly waited."""
        self._clock = asyncio.get_running_loop().time
        self._began, self._waited, self._taken = self._clock(), 0.0, 0

    async def over(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        asked = self._clock()
        async for chunk in chunks:
            self._waited += self._clock() - asked
            self._taken += len(chunk)
            if self._taken >= self._trial:
                self._judge()
            yield chunk
            asked = self._clock()

    def _judge(self) -> None:
        now = self._clock()
        self.trials += 1
        self.hungry = self._waited > _HUNGRY * (now - self._began)
        self._began, self._waited, self._taken = now, 0.0, 0


class _Window:
    """Ranges on their way: more of them while the reader waits for them, fewer while they wait for it."""

    def __init__(self, ahead: ReadAhead, fetch: Fetch, span: Span, pace: _Pace) -> None:
        self._ahead = ahead
        self._fetch = fetch
        self._at, self._stop = span.start, span.stop
        self._pace = pace
        self._seen = 0
        self._range, self._most = ahead.thresholds.read_range, ahead.thresholds.read_ranges
        self._wanted = self._most
        self._coming: deque[tuple[int, asyncio.Task[list[bytes]]]] = deque()

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        async with aclosing(self._at_once()) as first:
            async for chunk in first:
                yield chunk
        try:
            while self._at < self._stop or self._coming:
                self._adjust()
                self._fill()
                async with aclosing(self._buffered() if self._coming else self._straight()) as chunks:
                    async for chunk in chunks:
                        yield chunk
        finally:
            await self._drop()

    async def _at_once(self) -> AsyncGenerator[bytes, None]:
        """All of it in one request, unless the reader turns out to want more than that brings."""
        window = self._ahead.thresholds.wide_window
        wide = self._ahead.take(window)
        try:
            async with aclosing(self._fetch(Span(self._at, self._stop), wide=wide)) as chunks:
                async for chunk in chunks:
                    self._at += len(chunk)
                    yield chunk
                    if self._pace.hungry and self._stop - self._at > self._range:
                        return
        finally:
            if wide:
                self._ahead.give_back(window)

    def _adjust(self) -> None:
        if self._pace.trials > self._seen:
            self._seen = self._pace.trials
            self._wanted = min(self._wanted + 1, self._most) if self._pace.hungry else max(self._wanted // 2, 1)

    def _fill(self) -> None:
        while self._at < self._stop and len(self._coming) < self._wanted:
            span = self._next()
            if not self._ahead.take(len(span)):
                return
            self._at = span.stop
            self._coming.append((len(span), asyncio.create_task(self._fetched(span))))

    def _next(self) -> Span:
        return Span(self._at, min(self._at + self._range, self._stop))

    async def _fetched(self, span: Span) -> list[bytes]:
        async with aclosing(self._fetch(span, wide=True)) as chunks:
            return [chunk async for chunk in chunks]

    async def _buffered(self) -> AsyncGenerator[bytes, None]:
        size, task = self._coming[0]
        for chunk in await task:
            yield chunk
        self._coming.popleft()
        self._ahead.give_back(size)

    async def _straight(self) -> AsyncGenerator[bytes, None]:
        """One more range without memory for it."""
        span = self._next()
        self._at = span.stop
        async with aclosing(self._fetch(span, wide=False)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def _drop(self) -> None:
        for _, task in self._coming:
            task.cancel()
        await asyncio.gather(*(task for _, task in self._coming), return_exceptions=True)
        while self._coming:
            size, _ = self._coming.popleft()
            self._ahead.give_back(size)
