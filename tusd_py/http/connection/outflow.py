"""How the bytes of a download leave: as far as the client takes them, so that nothing lies in buffers of ours."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from aiohttp import web

from tusd_py.ports.body import Chunk
from tusd_py.storage.s3.api.socket_writer import opened

_SLICE = 16 * 1024
"""Bytes that wait in a transport that can't be passed by."""


class Outflow(Protocol):
    """Where bytes can go."""

    def offer(self, chunk: Chunk) -> int:
        """Take as much of it as goes at once; returns how much. Raises OSError when the client is gone."""

    async def writable(self) -> None:
        """Once more can go, or the client is gone."""


@contextmanager
def outflow(request: web.Request) -> Iterator[Outflow]:
    """For the body of a response whose head is prepared. Raises ConnectionResetError."""
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
    """Through the transport, as with TLS."""

    def __init__(self, request: web.Request, transport: asyncio.WriteTransport) -> None:
        self._request = request
        self._transport = transport

    def offer(self, chunk: Chunk) -> int:
        if self._transport.is_closing():
            raise ConnectionResetError("the client is gone")
        if self._request.protocol.writing_paused:
            return 0
        taken = chunk[:_SLICE]
        self._transport.write(taken)
        return len(taken)

    async def writable(self) -> None:
        await self._request.writer.drain()
