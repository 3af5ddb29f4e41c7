"""The sending of a download: the caller keeps a chunk until the connection takes it, so that few bytes wait in buffers
of this process."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Protocol

from aiohttp import web

from tusd_py.http.connection.lasting_wait import LastingWait
from tusd_py.ports.body import Chunk
from tusd_py.storage.s3.api.socket_writer import opened

_SLICE = 16 * 1024
"""The most bytes of one write to a transport whose socket can't be written to directly, and the most that may wait in
its buffer before a write."""


class Outflow(Protocol):
    """A way to send the bytes of a body to the client, few of which wait in buffers of this process."""

    def offer(self, chunk: Chunk) -> int:
        """Send as much of `chunk` as can be sent at once, and return the number of bytes; 0 if none. Raises
        ConnectionError if the client is gone."""

    async def writable(self) -> None:
        """Return once more can be sent. If the client is gone, returns or raises ConnectionError. A caller that gave up
        may call it again."""


@contextmanager
def outflow(request: web.Request) -> Iterator[Outflow]:
    """Send the prepared head, and yield the outflow for the body: straight to the socket, or through the transport
    where that can't be, as with TLS. Raises ConnectionResetError if the client is gone."""
    request.writer.send_headers()
    if (transport := request.transport) is None:
        raise ConnectionResetError("the client is gone")
    with opened(transport) as outlet:
        if outlet is not None:
            yield outlet
            return
        transport.set_write_buffer_limits(high=_SLICE)
        with closing(LastingWait()) as wait:
            yield _Slices(request, transport, wait)
        transport.set_write_buffer_limits()


class _Slices:
    """An outflow through the transport, a slice of at most 16 KiB (`_SLICE`) at a time, for connections whose socket
    can't be written to directly, as with TLS."""

    def __init__(self, request: web.Request, transport: asyncio.WriteTransport, wait: LastingWait) -> None:
        self._request = request
        self._transport = transport
        self._wait = wait

    def offer(self, chunk: Chunk) -> int:
        if self._transport.is_closing():
            raise ConnectionResetError("the client is gone")
        if self._request.protocol.writing_paused:
            return 0
        piece = chunk[:_SLICE]
        self._transport.write(piece)
        return len(piece)

    async def writable(self) -> None:
        if not self._wait.active:
            self._wait.begin(self._request.writer.drain())
        await self._wait.over()
