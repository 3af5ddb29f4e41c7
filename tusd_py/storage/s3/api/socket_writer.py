"""The sending of a body straight to the socket, without aiohttp's and asyncio's buffers.

CPython 3.11's transports copy into a buffer what the socket doesn't take at once, and move the rest to the buffer's
front after each send: that was half of the CPU time that a byte took.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from aiohttp.abc import AbstractStreamWriter

from tusd_py.ports.body import Chunk

_MAX_VIEWS = 64
"""The most chunks in one system call; some systems take no more than 1024."""


@contextmanager
def outlet(writer: AbstractStreamWriter) -> Iterator[Outlet | None]:
    """Send the request's head, then yield an outlet to the socket of the writer's transport. The transport still reads
    from the socket meanwhile.

    Yield None if an outlet is impossible, as with TLS: then the caller sends the body through the writer.
    """
    transport = writer.transport
    with _duplicate(transport) as duplicate, _corked(duplicate):
        if duplicate is not None:
            writer.send_headers()
        yield _outlet(duplicate, transport)


@contextmanager
def opened(transport: asyncio.WriteTransport | None) -> Iterator[Outlet | None]:
    """Yield an outlet to the transport's socket; None if impossible, as with TLS or if the transport has unsent
    bytes."""
    with _duplicate(transport) as duplicate:
        yield _outlet(duplicate, transport)


def _outlet(duplicate: socket.socket | None, transport: asyncio.WriteTransport | None) -> Outlet | None:
    if duplicate is None or transport is None or transport.get_write_buffer_size():
        return None
    return Outlet(duplicate)


@contextmanager
def _duplicate(transport: asyncio.WriteTransport | None) -> Iterator[socket.socket | None]:
    """Yield a duplicate of the transport's socket, as asyncio lets only the transport wait on the original; None if
    there is no transport, it is closing or uses TLS, or the event loop isn't a SelectorEventLoop."""
    if transport is None or transport.is_closing() or not _is_plain(transport):
        yield None
        return
    with transport.get_extra_info("socket").dup() as duplicate:
        yield duplicate


@contextmanager
def _corked(sock: socket.socket | None) -> Iterator[None]:
    """Hold sent bytes back until a packet is full, the context ends without an error, or 200 ms have passed (tcp(7),
    TCP_CORK): a packet with the head alone wakes the receiver for nothing. Does nothing without a socket, or where the
    system can't."""
    cork = getattr(socket, "TCP_CORK", None)
    if sock is None or cork is None:
        yield
        return
    sock.setsockopt(socket.IPPROTO_TCP, cork, 1)
    yield
    sock.setsockopt(socket.IPPROTO_TCP, cork, 0)


def _is_plain(transport: asyncio.WriteTransport) -> bool:
    selecting = isinstance(asyncio.get_running_loop(), asyncio.SelectorEventLoop)
    return selecting and transport.get_extra_info("sslcontext") is None


class Outlet:
    """A non-blocking socket that sends chunks without a copy of them."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._loop = asyncio.get_running_loop()
        self._unsent: list[Chunk] = []

    def offer(self, chunk: Chunk) -> int:
        """Send as much of the chunk as the system takes at once; return the number of bytes. Raises ConnectionError if
        the connection has failed, also for the reasons that Python has other errors for, such as ETIMEDOUT."""
        try:
            return self._socket.send(chunk)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise ConnectionResetError(str(error)) from error

    async def writable(self) -> None:
        """Return once the system takes more bytes, or the connection is lost."""
        ready: asyncio.Future[None] = self._loop.create_future()
        self._loop.add_writer(self._socket, _resolve, ready)
        try:
            await ready
        finally:
            self._loop.remove_writer(self._socket)

    async def send(self, chunks: Sequence[Chunk]) -> None:
        """Send the chunks; return once the system has taken all of their bytes. Raises OSError."""
        self._unsent = list(chunks)
        if self._send_some():
            return
        done: asyncio.Future[None] = self._loop.create_future()
        self._loop.add_writer(self._socket, self._go_on, done)
        try:
            await done
        finally:
            self._loop.remove_writer(self._socket)

    def _go_on(self, done: asyncio.Future[None]) -> None:
        if done.done():
            return
        try:
            if self._send_some():
                done.set_result(None)
        except OSError as error:
            done.set_exception(error)

    def _send_some(self) -> bool:
        """Send unsent bytes by one system call, of `_MAX_VIEWS` chunks at most; return True if none are left. Raises
        OSError."""
        try:
            self._drop(self._socket.sendmsg(self._unsent[:_MAX_VIEWS]))
        except BlockingIOError:
            return False
        return not self._unsent

    def _drop(self, count: int) -> None:
        whole = 0
        while whole < len(self._unsent) and count >= len(self._unsent[whole]):
            count -= len(self._unsent[whole])
            whole += 1
        del self._unsent[:whole]
        if count:
            self._unsent[0] = memoryview(self._unsent[0])[count:]


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
