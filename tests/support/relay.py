"""A TCP relay that can lose an answer: the request arrives, and what comes back does not. It can also fall silent."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Self


class Relay:
    """Listens on a free port of 127.0.0.1 and passes everything on to `target`, a port of the same machine."""

    def __init__(self, target: int) -> None:
        self.port = 0
        self.lose_next = False
        self.lost = 0
        self.count = 0
        """The number of connections so far."""
        self._silent = 0
        self._target = target
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    def fall_silent(self) -> None:
        """Pass nothing on any more between the ends of today's connections, which stay open; later ones are served."""
        self._silent = self.count

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.count += 1
        number = self.count
        upstream, back = await asyncio.open_connection("127.0.0.1", self._target)
        with suppress(ConnectionError):
            await asyncio.gather(
                self._pump(number, reader, back, answers=False), self._pump(number, upstream, writer, answers=True)
            )

    async def _pump(
        self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool
    ) -> None:
        try:
            while chunk := await reader.read(65536):
                if number <= self._silent:
                    continue
                if answers and self.lose_next:
                    self.lose_next = False
                    self.lost += 1
                    return
                writer.write(chunk)
                await writer.drain()
        finally:
            writer.close()
