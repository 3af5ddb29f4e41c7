"""The body of an aiohttp request as the engine wants it: down to the last byte that reached this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from aiohttp import hdrs, web
from aiohttp.http import HttpVersion11

from tusd_py.http.connection.socket_reader import take_over
from tusd_py.http.connection.sources import Source, Stream
from tusd_py.http.context import BEGUN
from tusd_py.ports.body import BodyEnd, Chunk
from tusd_py.transfer.slabs import Slabs

_GRACE = 10.0
"""Seconds before a client's pace is judged."""
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class RequestBody:
    """`ports.body.Body` over aiohttp. `idle` is how many seconds the client may be silent.

    After a while a client must also have sent `least_rate` bytes for each second that was spent waiting for it, or it
    is taken for idle.
    """

    def __init__(self, request: web.Request, slabs: Slabs, idle: float, least_rate: float = 0) -> None:
        self._request = request
        self._slabs = slabs
        self._idle = idle
        self._least_rate = least_rate
        self._taken = 0
        self._waited = 0.0
        """Seconds spent on the client, not on us."""
        self._end = BodyEnd.COMPLETE
        self._stopping = False
        self._source: Source | None = None

    @property
    def end(self) -> BodyEnd:
        return self._end

    def stop(self) -> None:
        self._stopping = True
        if self._source is not None:
            self._source.interrupt()

    def release(self) -> None:
        """Whoever wants to see the rest of the request now can."""
        if self._source is not None:
            self._source.release()

    async def chunks(self, room: int | None) -> AsyncIterator[Chunk]:
        await self._go_on()
        self._source = take_over(self._request, self._slabs) or Stream(self._request)
        while chunk := await self._next(self._source):
            self._request[BEGUN] = True
            self._taken += len(chunk)
            if room is not None and self._taken > room:
                self._end = BodyEnd.TOO_LONG
                return
            yield chunk

    def _is_too_slow(self) -> bool:
        return self._waited > _GRACE and self._taken < self._least_rate * self._waited

    async def _go_on(self) -> None:
        """Only now, when the request is judged, ask a client that waits for its 100 to send the body."""
        if self._request.version >= HttpVersion11 and hdrs.EXPECT in self._request.headers:
            await self._request.writer.write(_CONTINUE)
            self._request.writer.output_size = 0

    async def _next(self, source: Source) -> Chunk:
        """More bytes; none when it is over, for whatever reason."""
        if self._end is not BodyEnd.COMPLETE:
            return source.take()
        try:
            return await self._read(source)
        except (ConnectionError, web.RequestPayloadError):
            self._end = BodyEnd.CUT
            return source.take()

    async def _read(self, source: Source) -> Chunk:
        with suppress(TimeoutError):
            if not self._stopping and not self._is_too_slow():
                return await self._wait(source)
        return self._the_rest(source)

    async def _wait(self, source: Source) -> Chunk:
        clock = asyncio.get_running_loop().time
        began = clock()
        try:
            return await source.read(self._idle)
        finally:
            self._waited += clock() - began

    def _the_rest(self, source: Source) -> Chunk:
        """What arrived in the very moment the waiting ended counts, too."""
        source.release()
        arrived = source.take()
        if not source.complete:
            self._end = BodyEnd.STOPPED if self._stopping else BodyEnd.IDLE
        return arrived


async def expect(request: web.Request) -> None:
    """aiohttp's Expect handler for our routes: nothing is said before the request is judged."""
    if request.headers.get(hdrs.EXPECT, "").lower() != "100-continue":
        raise web.HTTPExpectationFailed(text="expectation-failed: the only expectation served is 100-continue\n")
