"""The body of an aiohttp request as the engine wants it: down to the last byte that reached this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from aiohttp import StreamReader, hdrs, web
from aiohttp.http import HttpVersion11

from tusd_py.pipeline.body import BodyEnd

_GRACE = 10.0
"""Seconds before a client's pace is judged."""
_STEP = 64 * 1024
"""Most bytes taken from a socket at a time, where asyncio lets us say: they wait outside of the memory budget."""
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class RequestBody:
    """`pipeline.body.Body` over aiohttp. `idle` is how many seconds the client may be silent.

    After a while a client must also have sent `least_rate` bytes for each second that was spent waiting for it, or it
    is taken for idle.
    """

    def __init__(self, request: web.Request, idle: float, least_rate: float = 0) -> None:
        self._request = request
        self._idle = idle
        self._least_rate = least_rate
        self._taken = 0
        self._waited = 0.0
        """Seconds spent on the client, not on us."""
        self._end = BodyEnd.COMPLETE
        self._stopping = False
        self._waiting: asyncio.Timeout | None = None

    @property
    def end(self) -> BodyEnd:
        return self._end

    def stop(self) -> None:
        self._stopping = True
        if self._waiting is not None and not self._waiting.expired():
            self._waiting.reschedule(asyncio.get_running_loop().time())

    async def chunks(self, room: int | None) -> AsyncIterator[bytes]:
        _take_small_steps(self._request.transport)
        await self._go_on()
        while chunk := await self._next():
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

    async def _next(self) -> bytes:
        """More bytes; none when it is over, for whatever reason."""
        content = self._request.content
        if self._end is not BodyEnd.COMPLETE:
            return b""
        try:
            return await self._read(content)
        except (ConnectionError, web.RequestPayloadError):
            self._end = BodyEnd.CUT
            return _salvage(content)

    async def _read(self, content: StreamReader) -> bytes:
        with suppress(TimeoutError):
            if not self._stopping and not self._is_too_slow():
                return await self._wait(content)
        return self._the_rest(content)

    async def _wait(self, content: StreamReader) -> bytes:
        clock = asyncio.get_running_loop().time
        began = clock()
        try:
            async with asyncio.timeout(self._idle) as self._waiting:
                return await content.readany()
        finally:
            self._waiting = None
            self._waited += clock() - began

    def _the_rest(self, content: StreamReader) -> bytes:
        """What arrived in the very moment the waiting ended counts, too."""
        arrived = content.read_nowait()
        if not content.at_eof():
            self._end = BodyEnd.STOPPED if self._stopping else BodyEnd.IDLE
        return arrived


def _take_small_steps(transport: asyncio.Transport | None) -> None:
    if transport is not None and hasattr(transport, "max_size"):  # others have sizes of their own
        transport.max_size = _STEP


def _salvage(content: StreamReader) -> bytes:
    """What had arrived when the connection broke: aiohttp still has it, but its public methods only raise by then."""
    arrived: bytes = content._read_nowait(-1)  # noqa: SLF001 (tests/e2e hold that nothing is lost here)
    return arrived


async def expect(request: web.Request) -> None:
    """aiohttp's Expect handler for our routes: nothing is said before the request is judged."""
    if request.headers.get(hdrs.EXPECT, "").lower() != "100-continue":
        raise web.HTTPExpectationFailed(text="expectation-failed: the only expectation served is 100-continue\n")
