"""The body of an aiohttp request, down to the last byte that reached this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from aiohttp import hdrs, web
from aiohttp.http import HttpVersion11

from tusd_py.http.connection.socket_reader import take_over
from tusd_py.http.connection.sources import Source, Stream
from tusd_py.http.context import BODY_STARTED
from tusd_py.ports.body import BodyEnd, Chunk
from tusd_py.transfer.slabs import Slabs

_GRACE = 10.0
"""Seconds spent waiting for a client before its rate is checked."""
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class RequestBody:
    """A `ports.body.Body` over aiohttp. `idle_timeout` is the number of seconds that the client may be silent.

    After `_GRACE` seconds of waiting, a client must also have sent `min_rate` bytes for each second waited, or it
    counts as idle.
    """

    def __init__(self, request: web.Request, slabs: Slabs, idle_timeout: float, min_rate: float = 0) -> None:
        self._request = request
        self._slabs = slabs
        self._idle_timeout = idle_timeout
        self._least_rate = min_rate
        self._received = 0
        self._waited = 0.0
        """Seconds spent waiting for the client."""
        self._end = BodyEnd.COMPLETE
        self._stopping = False
        self._source: Source | None = None

    @property
    def end(self) -> BodyEnd:
        return self._end

    @property
    def received(self) -> int:
        """The bytes that have come so far."""
        return self._received

    def stop(self) -> None:
        self._stopping = True
        if self._source is not None:
            self._source.interrupt()

    def release(self) -> None:
        """Let aiohttp read the rest of the request."""
        if self._source is not None:
            self._source.release()

    async def chunks(self, max_bytes: int | None) -> AsyncIterator[Chunk]:
        await self._send_continue()
        self._source = take_over(self._request, self._slabs) or Stream(self._request)
        while chunk := await self._next(self._source):
            self._request[BODY_STARTED] = True
            self._received += len(chunk)
            if max_bytes is not None and self._received > max_bytes:
                self._end = BodyEnd.TOO_LONG
                return
            yield chunk

    def _is_too_slow(self) -> bool:
        return self._waited > _GRACE and self._received < self._least_rate * self._waited

    async def _send_continue(self) -> None:
        """Ask a client that waits for 100 (Continue) to send the body: only now is the request accepted."""
        if self._request.version >= HttpVersion11 and hdrs.EXPECT in self._request.headers:
            await self._request.writer.write(_CONTINUE)
            self._request.writer.output_size = 0

    async def _next(self, source: Source) -> Chunk:
        """Return more bytes; none once the body has ended, for any reason."""
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
        return self._take_remaining(source)

    async def _wait(self, source: Source) -> Chunk:
        clock = asyncio.get_running_loop().time
        began = clock()
        try:
            return await source.read(self._idle_timeout)
        finally:
            self._waited += clock() - began

    def _take_remaining(self, source: Source) -> Chunk:
        """Return the bytes that arrived at the moment the wait ended: they count, too."""
        source.release()
        arrived = source.take()
        if not source.complete:
            self._end = BodyEnd.STOPPED if self._stopping else BodyEnd.IDLE
        return arrived


async def expect(request: web.Request) -> None:
    """Handle Expect in aiohttp's place: send nothing before the request is accepted. Raises HTTPExpectationFailed."""
    if request.headers.get(hdrs.EXPECT, "").lower() != "100-continue":
        raise web.HTTPExpectationFailed(text="expectation-failed: the only expectation served is 100-continue\n")
