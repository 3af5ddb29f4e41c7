"""The bytes of a download, from the storage to a client that may stop reading for a while.

While its bytes move, a download holds a window of memory. If the client takes none for a while, it keeps the window as
long as nothing else needs the memory; then the window is closed, with the request to the storage, and opened again from
the next byte to send.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager

from tusd_py.domain.refusals import ServiceUnavailable
from tusd_py.domain.span import Span
from tusd_py.domain.upload import Upload
from tusd_py.engine.lookup import read
from tusd_py.http.connection.outflow import Outflow
from tusd_py.http.context import Context
from tusd_py.transfer.budget_share import Holding

_WINDOW = 128 * 1024
"""Bytes of a download in memory: those of one read, and those of the one before that are still to be sent."""
_STALLED = 0.5
"""Seconds without a byte sent after which a window may be closed."""
_MEMORY_TIMEOUT = 15.0
"""Seconds to wait for memory for the first window."""


class Unread(ConnectionResetError):
    """The client has taken no byte for as long as a connection may be silent."""


class Delivery:
    """One download. `begin` is called once its first bytes have been read, and returns their outflow."""

    def __init__(self, context: Context, upload: Upload, span: Span, begin: Callable[[], Awaitable[Outflow]]) -> None:
        self._context = context
        self._upload = upload
        self._start, self._at, self._stop = span.start, span.start, span.stop
        self._begin = begin
        self._outflow: Outflow | None = None

    @property
    def started(self) -> bool:
        return self._outflow is not None

    @property
    def bytes_sent(self) -> int:
        """The number of bytes sent."""
        return self._at - self._start

    @property
    def complete(self) -> bool:
        return self.started and self._at >= self._stop

    async def run(self) -> None:
        """Send all. Raises ServiceUnavailable before the start; StorageUnavailable, UploadLost, Unread, OSError."""
        while self._at < self._stop:
            async with self._window() as holding:
                await self._send_chunks(holding)
            if self._outflow is not None and self._at < self._stop:
                await self._wait(self._outflow)
        self._outflow = self._outflow or await self._begin()

    @asynccontextmanager
    async def _window(self) -> AsyncIterator[Holding]:
        holding = self._context.downloads.holding()
        try:
            await self._acquire(holding)
            yield holding
        finally:
            holding.close()

    async def _acquire(self, holding: Holding) -> None:
        try:
            async with asyncio.timeout(None if self.started else _MEMORY_TIMEOUT):
                await holding.acquire(_WINDOW)
        except TimeoutError:
            raise ServiceUnavailable("too many downloads at once; try again soon") from None

    async def _send_chunks(self, holding: Holding) -> None:
        """Send bytes until all are sent, or the window is claimed."""
        span = Span(self._at, self._stop)
        async with aclosing(read(self._context.engine, self._upload, span)) as chunks:
            async for chunk in chunks:
                self._outflow = self._outflow or await self._begin()
                if not await self._send(memoryview(chunk), self._outflow, holding):
                    return

    async def _send(self, chunk: memoryview, outflow: Outflow, holding: Holding) -> bool:
        while True:
            size = outflow.offer(chunk)
            self._context.metrics.bytes_sent(size)
            self._at, chunk = self._at + size, chunk[size:]
            if not chunk:
                return True
            if not await self._wait_unless_claimed(outflow, holding):
                return False

    async def _wait_unless_claimed(self, outflow: Outflow, holding: Holding) -> bool:
        """Return True once the client takes more; False if its window is claimed before."""
        try:
            async with asyncio.timeout(_STALLED):
                await outflow.writable()
        except TimeoutError:
            return await holding.unless_claimed(self._wait(outflow))
        return True

    async def _wait(self, outflow: Outflow) -> None:
        """Return once the client takes more. Raises Unread."""
        try:
            async with asyncio.timeout(self._context.network_timeout):
                await outflow.writable()
        except TimeoutError:
            raise Unread from None
