"""A reader of a body of known length that reads from the socket straight into slabs.

aiohttp makes an object of each read, parses it, copies it and queues it. While a body is read here, the connection has
this module's protocol; before and after the body it has aiohttp's, as if aiohttp had read the body. Without the parts
of aiohttp that this needs (`internals.REPLACES_PARSERS`), `take_over` returns None.
"""

from __future__ import annotations

import asyncio
import enum

from aiohttp import hdrs, web

from tusd_py.http.connection import internals
from tusd_py.http.connection.slab_queue import SlabQueue
from tusd_py.http.connection.waiting import Waiting
from tusd_py.ports.body import Chunk
from tusd_py.transfer.slabs import Slabs

_LEAST = 64 * 1024
"""Bytes still to come below which taking a connection over costs more than it saves."""
_GATHER = 0.6
"""Seconds for which bytes that don't fill a slab wait for more: a thousand slow clients cost a CPU core if each packet
is handed on alone. The bytes are in the slab, and aren't lost if the wait ends otherwise."""


def take_over(request: web.Request, slabs: Slabs) -> SocketReader | None:
    """Return a reader of the rest of the body, which replaces aiohttp as the connection's protocol; None where aiohttp
    must read the body: with TLS, a chunked or encoded body, fewer than 64 KiB (`_LEAST`) to come, a failed connection,
    an event loop without asyncio's socket transport, or an aiohttp without the parts that this needs."""
    length, content, transport = request.content_length, request.content, request.transport
    if not internals.REPLACES_PARSERS or hdrs.CONTENT_ENCODING in request.headers:
        return None
    if internals.SocketTransport is None or not isinstance(transport, internals.SocketTransport):
        return None
    if length is None or length - content.total_bytes < _LEAST or content.exception() is not None:
        return None
    return SocketReader(request, transport, length - content.total_bytes, slabs)


class State(enum.Enum):
    """The state of a reader: it reads (READING), has stopped reading until a full slab is taken (PAUSED), hands bytes
    to aiohttp (RELEASED), or has lost its connection (LOST).

    While READING, bytes wake the task that waits for them: at once if the slab is full or the body ends, else after a
    delay. At the end of the body, the connection goes back to aiohttp in each state but LOST.
    """

    READING = enum.auto()
    PAUSED = enum.auto()
    """The slab is full and no task waits for it: reading from the socket is paused, so that TCP slows the client."""
    RELEASED = enum.auto()
    """The rest of the body is fed to the request's `StreamReader`, where aiohttp looks for it."""
    LOST = enum.auto()


class SocketReader(asyncio.BufferedProtocol):
    """A `sources.Source` that replaces aiohttp as the protocol of the transport, from its creation to the end of the
    body, `length` bytes later."""

    def __init__(self, request: web.Request, transport: asyncio.Transport, length: int, slabs: Slabs) -> None:
        self._http, self._content, self._transport = request.protocol, request.content, transport
        self._remaining = length
        """Bytes of the body that haven't come yet."""
        self._queue, self._waiting = SlabQueue(slabs), Waiting(self._gathered)
        self._state = State.READING
        if early := self._content.read_nowait():
            self._queue.add(early)
        transport.set_protocol(self)

    @property
    def complete(self) -> bool:
        return not self._remaining

    async def read(self, patience: float) -> Chunk:
        while self._queue.empty and self._remaining:
            if self._state is State.LOST:
                raise ConnectionResetError("the client is gone")
            await self._waiting.wait(patience)
        return self.take()

    def take(self) -> Chunk:
        chunk = self._queue.take()
        if self._state is State.PAUSED and not self._queue.has_slab:
            self._resume(State.READING)
        return chunk

    def interrupt(self) -> None:
        self._waiting.interrupt()

    def release(self) -> None:
        if self._state is State.RELEASED:
            return
        self._queue.set_aside()
        self._waiting.stop()
        if self._state is not State.LOST:
            self._resume(State.RELEASED)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 (asyncio says -1)
        return self._queue.buffer(self._remaining)

    def buffer_updated(self, nbytes: int) -> None:
        self._queue.filled(nbytes)
        self._remaining -= nbytes
        if self._state is State.RELEASED:
            self._content.feed_data(self._queue.drain())  # as aiohttp's parser would
        else:
            self._hand_on()
        if not self._remaining:
            self._give_back()

    def eof_received(self) -> bool | None:
        self._http.eof_received()
        return None

    def pause_writing(self) -> None:
        self._http.pause_writing()

    def resume_writing(self) -> None:
        self._http.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._state = State.LOST
        self._waiting.stop()
        self._waiting.wake()
        self._http.connection_lost(exc)

    def _hand_on(self) -> None:
        full = self._queue.full
        if full and not self._waiting.active:
            self._state = State.PAUSED
            self._transport.pause_reading()
        elif full or not self._remaining:
            self._waiting.wake()
        else:
            self._waiting.wake_soon(_GATHER)

    def _gathered(self) -> None:
        """Wake the waiting task: `Waiting` calls this `_GATHER` (0.6) seconds after the first new bytes of a slow
        client. If the bytes fill less than half of a slab of more than `MIN_SLAB` bytes, copy them out first, so that
        the slab can be reused.
        """
        self._queue.shrink()
        self._waiting.wake()

    def _resume(self, state: State) -> None:
        self._state = state
        self._transport.resume_reading()

    def _give_back(self) -> None:
        """Give the connection back to aiohttp at the end of the body, with a new parser: the old one still expects the
        body. No byte after the body was read."""
        self._waiting.stop()
        self._http._parser = internals.new_parser(self._http)  # noqa: SLF001
        self._transport.set_protocol(self._http)
        self._content.feed_eof()
