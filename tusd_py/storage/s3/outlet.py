"""The bytes of a request body straight to the socket, past aiohttp's and asyncio's buffers.

CPython 3.11's transports copy what the socket doesn't take at once and move it to the front after each send; that alone
was half of what a byte cost.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from aiohttp.abc import AbstractStreamWriter

from tusd_py.pipeline.body import Chunk

_MOST_VIEWS = 64
"""In one system call; some systems take no more than 1024."""


@contextmanager
def outlet(writer: AbstractStreamWriter) -> Iterator[Outlet | None]:
    """An outlet beside the writer's transport, which goes on reading. None where it can't be had, as with TLS."""
    transport = writer.transport
    if transport is None or not _is_plain(transport):
        yield None
        return
    duplicate = transport.get_extra_info("socket").dup()  # asyncio lets nobody else wait on the original
    with duplicate, _corked(duplicate):
        writer.send_headers()
        yield None if transport.get_write_buffer_size() else Outlet(duplicate)


@contextmanager
def _corked(sock: socket.socket) -> Iterator[None]:
    """Let the head wait for the first bytes of the body: a packet of its own wakes the other side for nothing."""
    if cork := getattr(socket, "TCP_CORK", None):
        sock.setsockopt(socket.IPPROTO_TCP, cork, 1)
    yield
    if cork:
        sock.setsockopt(socket.IPPROTO_TCP, cork, 0)


def _is_plain(transport: asyncio.WriteTransport) -> bool:
    selecting = isinstance(asyncio.get_running_loop(), asyncio.SelectorEventLoop)
    return selecting and transport.get_extra_info("sslcontext") is None


class Outlet:
    """A non-blocking socket that takes views as they are."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._loop = asyncio.get_running_loop()
        self._left: list[Chunk] = []

    async def send(self, chunks: Sequence[Chunk]) -> None:
        """Return once the system has all of it. Raises OSError."""
        self._left = list(chunks)
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
        """True when all is sent."""
        try:
            self._drop(self._socket.sendmsg(self._left[:_MOST_VIEWS]))
        except BlockingIOError:
            return False
        return not self._left

    def _drop(self, count: int) -> None:
        whole = 0
        while whole < len(self._left) and count >= len(self._left[whole]):
            count -= len(self._left[whole])
            whole += 1
        del self._left[:whole]
        if count:
            self._left[0] = memoryview(self._left[0])[count:]
