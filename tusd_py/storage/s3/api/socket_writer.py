"""Bytes of a body straight to the socket, past aiohttp's and asyncio's buffers.

CPython 3.11's transports copy what the socket doesn't take at once and move it to the front after each send; that alone
was half of what a byte cost.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from aiohttp.abc import AbstractStreamWriter

from tusd_py.ports.body import Chunk

_MOST_VIEWS = 64
"""In one system call; some systems take no more than 1024."""


@contextmanager
def outlet(writer: AbstractStreamWriter) -> Iterator[Outlet | None]:
    """An outlet beside the writer's transport, which goes on reading. None where it can't be had, as with TLS."""
    transport = writer.transport
    with _duplicate(transport) as duplicate, _corked(duplicate):
        if duplicate is not None:
            writer.send_headers()
        yield _made(duplicate, transport)


@contextmanager
def opened(transport: asyncio.WriteTransport | None) -> Iterator[Outlet | None]:
    """The same, for a transport that has sent what comes before."""
    with _duplicate(transport) as duplicate:
        yield _made(duplicate, transport)


def _made(duplicate: socket.socket | None, transport: asyncio.WriteTransport | None) -> Outlet | None:
    if duplicate is None or transport is None or transport.get_write_buffer_size():
        return None
    return Outlet(duplicate)


@contextmanager
def _duplicate(transport: asyncio.WriteTransport | None) -> Iterator[socket.socket | None]:
    """asyncio lets nobody else wait on the original."""
    if transport is None or transport.is_closing() or not _is_plain(transport):
        yield None
        return
    with transport.get_extra_info("socket").dup() as duplicate:
        yield duplicate


@contextmanager
def _corked(sock: socket.socket | None) -> Iterator[None]:
    """Let the head wait for the first bytes of the body: a packet of its own wakes the other side for nothing."""
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
    """A non-blocking socket that takes views as they are."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._loop = asyncio.get_running_loop()
        self._left: list[Chunk] = []

    def offer(self, chunk: Chunk) -> int:
        """Send as much of it as the system takes at once; returns how much. Raises OSError."""
        try:
            return self._socket.send(chunk)
        except BlockingIOError:
            return 0

    async def writable(self) -> None:
        """Once the system takes more, or the connection is lost."""
        ready: asyncio.Future[None] = self._loop.create_future()
        self._loop.add_writer(self._socket, _resolve, ready)
        try:
            await ready
        finally:
            self._loop.remove_writer(self._socket)

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


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
