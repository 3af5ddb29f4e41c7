"""A request body as a slow client sends it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from tusd_py.ports.body import BodyEnd

SILENCE = 60.0
"""Seconds a server waits for the next byte."""


class SlowBody:
    """A request body that comes in chunks of `chunk` bytes, each after `gap` seconds. With `cut`, its connection breaks
    after that many bytes, if there are more. With `stalls`, it is silent before its end for SILENCE seconds, or until
    it is stopped or cut."""

    def __init__(self, content: bytes, *, chunk: int, gap: float, cut: int | None = None, stalls: bool = False) -> None:
        self._chunks = [content[:cut][at : at + chunk] for at in range(0, len(content[:cut]), chunk)]
        self._gap = gap
        self._last = BodyEnd.COMPLETE if cut is None or cut >= len(content) else BodyEnd.CUT
        self._stopped: BodyEnd | None = None
        self._stalls, self._ended = stalls, asyncio.Event()
        self.end = BodyEnd.COMPLETE

    async def chunks(self, max_bytes: int | None) -> AsyncIterator[bytes]:
        total = 0
        for chunk in self._chunks:
            await asyncio.sleep(self._gap)
            total += len(chunk)
            if self._stopped is not None or (max_bytes is not None and total > max_bytes):
                self.end = self._stopped or BodyEnd.TOO_LONG
                return
            yield chunk
        if self._stalls:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), SILENCE)
        self.end = self._stopped or self._last

    def stop(self) -> None:
        self._end(BodyEnd.STOPPED)

    def cut(self) -> None:
        self._end(BodyEnd.CUT)

    def _end(self, how: BodyEnd) -> None:
        self._stopped = how
        self._ended.set()
