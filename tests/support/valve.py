"""A TCP relay in front of a server, which can stop its connections in the middle of an upload until a test opens it."""

from __future__ import annotations

import asyncio
from typing import Self

MIB = 1024 * 1024
_CHUNK = 64 * 1024


class Valve:
    """A TCP relay to the port `target`: use it as `async with Valve(server.port) as valve`, and send requests to
    `valve.origin`.

    A valve is open at first. After `close(at=…)`, each connection passes on `at` bytes of requests, counted from its
    own start, and no more until `open`; a connection that was open before may pass on up to 64 KiB more. Answers pass
    also while the valve is closed.
    """

    def __init__(self, target: int) -> None:
        self.target = target
        self._limit: int | None = None
        self._port = 0
        self._refuses = False
        self._open = asyncio.Event()
        self._open.set()
        self._full = asyncio.Event()
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def port(self) -> int:
        return self._port

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def url(self) -> str:
        """The URL of the creation endpoint."""
        return f"{self.origin}/files/"

    def close(self, *, at: int = 9 * MIB) -> None:
        self._limit = at
        self._open.clear()
        self._full.clear()

    async def full(self) -> None:
        """Wait until a connection has passed on as many bytes as `close` allows, so that its upload is stopped in the
        middle."""
        await self._full.wait()

    def open(self) -> None:
        self._refuses = False
        self._open.set()

    def refuse(self) -> None:
        """Ends all connections, and each new one at once, until `open`."""
        self._refuses = True
        self.cut()

    def cut(self) -> None:
        """Abort all open connections."""
        for writer in self._writers:
            writer.transport.abort()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.open()
        self.cut()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refuses:
            writer.transport.abort()
            return
        try:
            upstream, back = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, back}
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._requests(reader, back))
                both.create_task(self._answers(upstream, writer))
        except* ConnectionError:
            pass
        self._writers -= {writer, back}

    async def _requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        passed = 0
        try:
            while chunk := await reader.read(self._room(passed)):
                writer.write(chunk)
                await writer.drain()
                passed += len(chunk)
                await self._until_room(passed)
        finally:
            writer.close()

    async def _answers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while chunk := await reader.read(_CHUNK):
                writer.write(chunk)
                await writer.drain()
        finally:
            writer.close()

    def _room(self, passed: int) -> int:
        if self._limit is None or self._open.is_set():
            return _CHUNK
        return min(_CHUNK, max(self._limit - passed, 1))

    async def _until_room(self, passed: int) -> None:
        if self._limit is not None and passed >= self._limit and not self._open.is_set():
            self._full.set()
            await self._open.wait()
