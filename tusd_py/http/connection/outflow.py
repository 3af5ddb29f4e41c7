"""The sending of a download: only as many bytes as the client takes, so that none wait in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from aiohttp import web

from tusd_py.ports.body import Chunk
from tusd_py.storage.s3.api.socket_writer import opened

_SLICE = 16 * 1024
"""Bytes that may wait in a transport, if the socket can't be written to directly."""


class Outflow(Protocol):
    """A way to send bytes to the client."""

    def offer(self, chunk: Chunk) -> int:
        """Send as much of `chunk` as can be sent at once; return its size. Raises OSError if the client is gone."""

    async def writable(self) -> None:
        """Return once more can be sent, or the client is gone."""


@contextmanager
def outflow(request: web.Request) -> Iterator[Outflow]:
    """Yield the outflow for the body of a response whose head is prepared. Raises ConnectionResetError."""
    request.writer.send_headers()
    if (transport := request.transport) is None:
        raise ConnectionResetError("the client is gone")
    with opened(transport) as outlet:
        if outlet is not None:
            yield outlet
            return
        transport.set_write_buffer_limits(high=_SLICE)
        yield _Slices(request, transport)
        transport.set_write_buffer_limits()


class _Slices:
    """An outflow through the transport, as with TLS."""

    def __init__(self, request: web.Request, transport: asyncio.WriteTransport) -> None:
        self._request = request
        self._transport = transport

    def offer(self, chunk: Chunk) -> int:
        if self._transport.is_closing():
            raise ConnectionResetError("the client is gone")
        if self._request.protocol.writing_paused:
            return 0
        piece = chunk[:_SLICE]
        self._transport.write(piece)
        return len(piece)

    async def writable(self) -> None:
        await self._request.writer.drain()
