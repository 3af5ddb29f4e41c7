"""A server that answers its first request twice."""

from __future__ import annotations

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class Twice:
    """A server that answers the first request with `first`, and sends the same bytes a second time on that connection
    once `again` is set. It answers each further request with `later`: on that connection only after this, on others at
    once."""

    def __init__(self, first: bytes, later: bytes) -> None:
        self.again, self.written = asyncio.Event(), asyncio.Event()
        self.url = ""
        self._first, self._later = iter((first,)), later

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with await asyncio.start_server(self._serve, "127.0.0.1", 0) as server:
            self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
            yield

    async def answer_again(self) -> None:
        """Have the first answer sent again, now that the connection is idle, and wait until the client has read it. If
        `again` was set before, only wait."""
        self.again.set()
        await self.written.wait()
        await asyncio.sleep(0.05)  # both ends are of this loop: it has been read by then

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                await _read(reader)
                answer = next(self._first, None)
                writer.write(answer or self._later)
                if answer is not None:
                    await self.again.wait()
                    writer.write(answer)
                    await writer.drain()
                    self.written.set()
        writer.close()


async def _read(reader: StreamReader) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    _, has_length, after = head.lower().partition(b"content-length:")
    await reader.readexactly(int(after.split(b"\r\n")[0]) if has_length else 0)
