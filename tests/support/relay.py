"""A TCP relay that can lose an answer: it passes the request on, and closes the connection instead of passing the
answer back. It can also stop reading from its connections."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from typing import Any, Self


class Relay:
    """A relay from a free port of 127.0.0.1 to `target`, a port of the same machine. With `tls`, clients use TLS. If
    `lose_next` is True, the next bytes from `target` are dropped, their client's connection is closed and `lose_next`
    becomes False; `lost` counts such losses."""

    def __init__(self, target: int, tls: ssl.SSLContext | None = None) -> None:
        self.port = 0
        self.lose_next = False
        self.lost = 0
        self.count = 0
        """The number of connections so far."""
        self._transports = set[Any]()
        """The transports of open connections, in both directions; `Any`, as the stubs take them for write-only."""
        self._tls = tls
        self._target = target
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for transport in self._transports:
            transport.abort()
        await self._server.wait_closed()

    def fall_silent(self) -> None:
        """Stop reading from both ends of the connections that are open now, and keep them open. Later connections
        work."""
        for transport in self._transports:
            transport.pause_reading()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.count += 1
        upstream, back = await asyncio.open_connection("127.0.0.1", self._target)
        both = {writer.transport, back.transport}
        self._transports |= both
        with suppress(ConnectionError):
            await asyncio.gather(self._pump(reader, back, answers=False), self._pump(upstream, writer, answers=True))
        self._transports -= both

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool) -> None:
        try:
            while chunk := await reader.read(65536):
                if answers and self.lose_next:
                    self.lose_next = False
                    self.lost += 1
                    return
                writer.write(chunk)
                await writer.drain()
        finally:
            writer.close()
