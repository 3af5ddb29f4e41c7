"""The body of an aiohttp request as a `ports.body.Body`: if the client disconnects, its chunks include the last byte
that reached this process."""

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
"""Seconds of waiting for a client's bytes after which its rate is checked."""
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class RequestBody:
    """A `ports.body.Body` over aiohttp. It ends with IDLE once the client has sent nothing for `idle_timeout` seconds.

    It also ends with IDLE if this process has waited for the client for more than 10 seconds (`_GRACE`) in all, and
    the client has sent less than `min_rate` bytes for each second waited, unless the rest has arrived by then.
    """

    def __init__(self, request: web.Request, slabs: Slabs, idle_timeout: float, min_rate: float = 0) -> None:
        self._request = request
        self._slabs = slabs
        self._idle_timeout = idle_timeout
        self._least_rate = min_rate
        self._received = 0
        self._waited = 0.0
        """Seconds in which this process has waited for the client to send bytes of the body."""
        self._end = BodyEnd.COMPLETE
        self._stopping = False
        self._source: Source | None = None

    @property
    def end(self) -> BodyEnd:
        return self._end

    @property
    def received(self) -> int:
        """The number of bytes that `chunks` has taken from the connection so far."""
        return self._received

    def stop(self) -> None:
        self._stopping = True
        if self._source is not None:
            self._source.interrupt()

    def release(self) -> None:
        """Leave the rest of the body to aiohttp, which reads it or closes the connection. No more chunks are read."""
        if self._source is not None:
            self._source.release()

    async def chunks(self, max_bytes: int | None) -> AsyncIterator[Chunk]:
        await send_continue(self._request)
        self._source = take_over(self._request, self._slabs) or Stream(self._request)
        while chunk := await self._next(self._source):
            self._request[BODY_STARTED] = True
            self._received += len(chunk)
            if max_bytes is not None and self._received > max_bytes:
                self._end = BodyEnd.TOO_LONG
                return
            yield chunk

    def _is_too_slow(self) -> bool:
        return is_too_slow(self._received, self._waited, self._least_rate)

    async def _next(self, source: Source) -> Chunk:
        """Wait for bytes and return them; an empty chunk once the body has ended, for the reason in `end`."""
        if self._end is not BodyEnd.COMPLETE:
            return source.take()
        try:
            return await self._read(source)
        except (OSError, web.RequestPayloadError):  # also EHOSTUNREACH, or an error of TLS
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
        """Stop reading and return a chunk of the bytes that have arrived, empty if there are none; set `end` if the
        body isn't complete."""
        source.release()
        arrived = source.take()
        if not source.complete:
            self._end = BodyEnd.STOPPED if self._stopping else BodyEnd.IDLE
        return arrived


def is_too_slow(received: int, waited: float, least_rate: float) -> bool:
    """Return True if this process has waited for the client for more than 10 seconds (`_GRACE`), and the client has
    sent fewer than `least_rate` bytes for each of the `waited` seconds."""
    return waited > _GRACE and received < least_rate * waited


async def send_continue(request: web.Request) -> None:
    """Send 100 (Continue) to a client that sent Expect with HTTP/1.1, so that it sends the body; callers must have
    accepted the request. Raises ConnectionError if the client is gone."""
    if request.version >= HttpVersion11 and hdrs.EXPECT in request.headers:
        await request.writer.write(_CONTINUE)
        request.writer.output_size = 0


async def expect(request: web.Request) -> None:
    """Check Expect in place of aiohttp, for `add_route(expect_handler=…)`. Sends nothing: once the request is accepted,
    the reader of the body calls `send_continue` first. Raises HTTPExpectationFailed unless Expect is 100-continue."""
    if request.headers.get(hdrs.EXPECT, "").lower() != "100-continue":
        raise web.HTTPExpectationFailed(text="expectation-failed: the only expectation served is 100-continue\n")
