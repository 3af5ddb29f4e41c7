"""Answers that go on for hours after their handler has returned, and need no more memory than their connection.

For as long as a handler runs, aiohttp keeps a parser, the request, two tasks and their stacks: 18 KiB. Here the handler
returns, and aiohttp forgets the connection; without the parts of aiohttp that this needs
(`internals.FORGETS_CONNECTIONS`), the handler waits until the connection ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from aiohttp import hdrs, web

from tusd_py.http.connection import internals
from tusd_py.http.connection.connection_limits import Connections, client_of

_LAST_CHUNK = b"0\r\n\r\n"


class LongAnswer(asyncio.Protocol):
    """The connection of an answer whose head has been sent: the protocol of its transport, in place of aiohttp. Bytes
    that the client sends are dropped."""

    __slots__ = ("_backlog", "_chunked", "_lost", "_taken_at", "_transport", "closed", "sent_at", "wake")

    def __init__(self, transport: asyncio.Transport, *, chunked: bool) -> None:
        self._transport, self._chunked = transport, chunked
        self.sent_at = self._taken_at = _now()
        """The time, by the event loop's clock, of the last call of `send`; before the first, of the head."""
        self._backlog = 0
        """Bytes in the transport's buffer after the last write or, if that is later, when `check` last saw that the
        client had taken some."""
        self._lost: Callable[[], object] = _do_nothing
        self.wake: Callable[[], None] = _do_nothing
        """The function called each time the transport's buffer, after bytes waited in it, is empty again, and when the
        connection is lost."""
        self.closed = False
        """True once the connection is lost."""
        transport.set_protocol(self)
        transport.set_write_buffer_limits(high=0)
        transport.resume_reading()  # else the end of the connection isn't seen

    @classmethod
    async def begin(cls, request: web.Request, response: web.StreamResponse) -> LongAnswer:
        """Send the head, and take the connection from aiohttp. The caller must then call `let_go`, with no await
        between.

        Raises ConnectionError if the client is gone.
        """
        await response.prepare(request)
        request.writer.send_headers()
        if request.transport is None:
            raise ConnectionResetError("the client is gone")
        return cls(request.transport, chunked=hdrs.TRANSFER_ENCODING in response.headers)

    async def let_go(self, request: web.Request, connections: Connections) -> None:
        """Make aiohttp forget the connection, and count it in `connections` until it is lost; where aiohttp can't
        forget it, return only once it is lost."""
        if internals.FORGETS_CONNECTIONS:
            peer = client_of(self._transport.get_extra_info("peername"))
            internals.forget(request.protocol)
            connections.opened(peer)
            self._lost = partial(connections.closed, peer)
            return
        lost = asyncio.Event()
        self._lost = lost.set
        await lost.wait()
        request.protocol.connection_lost(None)

    @property
    def silence(self) -> float:
        """Seconds since the last call of `send`; before the first, since the head was sent."""
        return _now() - self.sent_at

    @property
    def blocked(self) -> bool:
        """True while bytes wait in the transport's buffer: the caller should send nothing."""
        return self._waiting > 0

    def send(self, piece: bytes) -> None:
        """Send a piece of the body, as a chunk if the answer is chunked; what the socket doesn't take at once is
        buffered. The piece is dropped if the connection is closing."""
        self.sent_at = _now()
        self._write(b"%x\r\n%b\r\n" % (len(piece), piece) if self._chunked else piece)

    def end(self) -> None:
        """Send the end of the body, and close the connection once the system has taken all that is buffered. Does
        nothing if the connection is closing already."""
        if self._transport.is_closing():
            return  # asyncio's transport for TLS can't be asked for anything once it was closed twice
        if self._chunked:
            self._write(_LAST_CHUNK)
        self._transport.close()

    def check(self, patience: float) -> None:
        """Abort the connection if bytes wait in the transport's buffer and the client has taken none for `patience`
        seconds. To be called from time to time: only a call sees that the client has taken some."""
        if not self._waiting or self._waiting < self._backlog:
            self._taken_at, self._backlog = _now(), self._waiting
        elif _now() - self._taken_at >= patience:
            self._transport.abort()

    def resume_writing(self) -> None:
        self.wake()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  asyncio's signature
        self.closed = True
        self._lost()
        self.wake()
        self.wake = _do_nothing  # else a cycle keeps the listener

    @property
    def _waiting(self) -> int:
        return self._transport.get_write_buffer_size()

    def _write(self, data: bytes) -> None:
        if self._transport.is_closing():
            return
        if not self._waiting:
            self._taken_at = _now()
        self._transport.write(data)
        self._backlog = self._waiting


def _do_nothing() -> None:
    pass


def _now() -> float:
    return asyncio.get_running_loop().time()
