"""A body of known length straight from the socket into slabs.

aiohttp makes an object of each read, parses it, copies it and queues it. While such a body runs, its connection is ours
instead; what goes before and after it is aiohttp's, as if it had read the body itself. That takes some of what aiohttp
keeps to itself: it is all in this file, and where it isn't as expected `take_over` declines.
"""
# ruff: noqa: SLF001 (see above)

from __future__ import annotations

import asyncio
from asyncio.selector_events import _SelectorSocketTransport  # type: ignore[attr-defined]  # not known to typeshed
from collections import deque

from aiohttp import hdrs, web
from aiohttp.http import HttpRequestParser

from tusd_py.ports.body import Chunk
from tusd_py.transfer.slabs import LEAST_SLAB, SLAB, Slabs

_LEAST = 64 * 1024
"""Bytes still to come below which it isn't worth the while."""
_MANY = 8
"""Reads that fill a slab: if one does, the next slab is twice as large; if more than so many, half as large."""
_GATHER = 0.6
"""Seconds that bytes which don't fill a slab wait for more of them."""
_NONE = memoryview(b"")


def take_over(request: web.Request, slabs: Slabs) -> Intake | None:
    """What reads the rest of the body; None where aiohttp has to (TLS, chunks, another event loop, a small rest)."""
    length, content, transport = request.content_length, request.content, request.transport
    if not isinstance(transport, _SelectorSocketTransport) or hdrs.CONTENT_ENCODING in request.headers:
        return None
    if length is None or length - content.total_bytes < _LEAST or content.exception() is not None:
        return None
    return Intake(request, transport, length - content.total_bytes, slabs)


class Intake(asyncio.BufferedProtocol):
    """A `sources.Source`. In aiohttp's place from its making until the body is through."""

    def __init__(self, request: web.Request, transport: asyncio.Transport, left: int, slabs: Slabs) -> None:
        self._http, self._content, self._transport = request.protocol, request.content, transport
        self._loop = asyncio.get_running_loop()
        self._left = left
        """Bytes of the body that haven't come yet."""
        self._slabs = slabs
        self._slab, self._taken, self._filled = _NONE, 0, 0
        self._size, self._reads = LEAST_SLAB // 2, 0
        self._before: deque[Chunk] = deque()
        """What came before the bytes of the slab at hand."""
        self._paused = self._released = self._lost = False
        self._waiter: asyncio.Future[None] | None = None
        self._since = 0.0
        self._alarm: asyncio.TimerHandle | None = None
        self._due: asyncio.TimerHandle | None = None
        """When what came in small pieces is handed on."""
        if early := self._content.read_nowait():
            self._before.append(early)
        transport.set_protocol(self)

    @property
    def complete(self) -> bool:
        return not self._left

    async def read(self, patience: float) -> Chunk:
        while not self._before and self._taken == self._filled and self._left:
            await self._wait(patience)
        return self.take()

    def take(self) -> Chunk:
        if self._before:
            chunk = self._before.popleft()
        else:
            chunk, self._taken = self._slab[self._taken : self._filled], self._filled
            if self._filled == len(self._slab):
                self._drop_slab()
        if self._paused and not self._slab:
            self._resume()
        return chunk

    def interrupt(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(TimeoutError())

    def release(self) -> None:
        if not self._released:
            self._released = True
            self._set_aside()
            self._quiet()
            self._resume()

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 (asyncio says -1)
        if self._filled == len(self._slab):
            self._set_aside()
            self._take_slab()
        return self._slab[self._filled : self._filled + self._left]

    def buffer_updated(self, nbytes: int) -> None:
        self._filled += nbytes
        self._left -= nbytes
        self._reads += 1
        if self._released:
            self._pass_on()
        elif self._waiter is None and self._filled == len(self._slab):
            self._pause()
        elif self._filled == len(self._slab) or not self._left:
            self._wake()
        else:
            self._wake_soon()
        if not self._left:
            self._give_back()

    def eof_received(self) -> bool | None:
        self._http.eof_received()
        return None

    def pause_writing(self) -> None:
        self._http.pause_writing()

    def resume_writing(self) -> None:
        self._http.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True
        self._quiet()
        self._wake()
        self._http.connection_lost(exc)

    async def _wait(self, patience: float) -> None:
        if self._lost:
            raise ConnectionResetError("the client is gone")
        self._since = self._loop.time()
        if self._alarm is None:  # one for many waits: each of its own (asyncio.timeout) is 0.03 CPU-s/GiB
            self._alarm = self._loop.call_later(patience, self._ring, patience)
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _ring(self, patience: float) -> None:
        self._alarm = None
        if self._waiter is None:
            return
        if (left := self._since + patience - self._loop.time()) > 0:
            self._alarm = self._loop.call_later(left, self._ring, patience)
        else:
            self.interrupt()

    def _quiet(self) -> None:
        for timer in (self._alarm, self._due):
            if timer is not None:
                timer.cancel()
        self._alarm = self._due = None

    def _wake_soon(self) -> None:
        """A thousand slow clients cost a core if each of their packets is handed on by itself. It is kept all the same:
        whatever ends the waiting finds it in the slab."""
        if self._due is None:
            self._due = self._loop.call_later(_GATHER, self._hand_on)

    def _hand_on(self) -> None:
        """The client is slow: it gets a slab that fits, and what has come holds no large one."""
        size = self._filled - self._taken
        if size and size * 2 < len(self._slab) and len(self._slab) > LEAST_SLAB:
            self._before.append(bytes(self._slab[self._taken : self._filled]))
            self._drop_slab()
            self._size, self._reads = max(_power_of_two(size), LEAST_SLAB), _MANY
        self._wake()

    def _wake(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _take_slab(self) -> None:
        """Small at first, so that many slow clients hold little; as large as reads can fill."""
        if self._reads <= 1:
            self._size = min(self._size * 2, SLAB)
        elif self._reads > _MANY:
            self._size = max(self._size // 2, LEAST_SLAB)
        size = min(self._size, max(LEAST_SLAB, _power_of_two(self._left)))
        self._slab, self._taken, self._filled, self._reads = self._slabs.lend(size), 0, 0, 0
        self._size = min(self._size, max(len(self._slab), LEAST_SLAB))  # less where memory is short

    def _drop_slab(self) -> None:
        self._slab, self._taken, self._filled = _NONE, 0, 0

    def _set_aside(self) -> None:
        if self._taken < self._filled:
            self._before.append(self._slab[self._taken : self._filled])
        self._drop_slab()

    def _pause(self) -> None:
        self._paused = True
        self._transport.pause_reading()

    def _resume(self) -> None:
        self._paused = False
        self._transport.resume_reading()

    def _pass_on(self) -> None:
        """As aiohttp's parser would, for who still wants to look at the rest."""
        self._content.feed_data(bytes(self._slab[: self._filled]))
        self._drop_slab()

    def _give_back(self) -> None:
        """aiohttp's parser still waits for the body, so that it gets a new one: nothing after the body was read."""
        self._quiet()
        self._http._parser = new_parser(self._http)
        self._transport.set_protocol(self._http)
        self._content.feed_eof()


def new_parser(http: web.RequestHandler) -> HttpRequestParser:
    """As `http` makes its own."""
    manager = http._manager
    return HttpRequestParser(
        http,
        http._loop,
        http._read_bufsize,
        max_line_size=http.max_line_size,
        max_field_size=http.max_field_size,
        max_headers=http.max_headers,
        payload_exception=web.RequestPayloadError,
        auto_decompress=manager is None or manager._kwargs.get("auto_decompress", True),
        max_msg_queue_size=http._max_msg_queue_size,
    )


def _power_of_two(least: int) -> int:
    return 1 << (least - 1).bit_length()
