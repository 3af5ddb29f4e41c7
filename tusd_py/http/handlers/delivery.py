"""The delivery of a download, from the storage to a client that may stop reading for a while.

While its bytes move, a download holds memory for one window of them. If the client takes none for a while, the download
keeps the window until the memory is needed elsewhere. Then the window is closed, and the request to the storage with
it; once the client reads on, another one is opened from the next byte to send.
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
"""Bytes in memory for the window of a download: those of one read from the storage, and those of the read before it
that weren't sent yet."""
_STALLED = 0.5
"""Seconds without a byte sent after which the memory of a window may be claimed."""
_MEMORY_TIMEOUT = 15.0
"""Seconds to wait for the memory of the first window."""


class Unread(ConnectionResetError):
    """The client has taken no byte for as long as a connection may be silent (`network_timeout`)."""


class Delivery:
    """The delivery of the bytes of `span` of a finished upload. `begin` sends the response's head and returns the
    `Outflow`, which sends bytes of the body to the client; `begin` is called once the first bytes have been read, or at
    once if the span is empty."""

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
        """The number of bytes passed on to the connection so far; the client may not have got all of them."""
        return self._at - self._start

    @property
    def complete(self) -> bool:
        return self.started and self._at >= self._stop

    async def run(self) -> None:
        """Send all bytes of the span. Raises ServiceUnavailable before the start if memory is short; at any time
        StorageUnavailable, UploadLost, Unread (the client takes nothing), ConnectionError (it is gone)."""
        while self._at < self._stop:
            async with self._window() as holding:
                await self._send_chunks(holding)
            if self._outflow is not None and self._at < self._stop:
                await self._wait(self._outflow)
        self._outflow = self._outflow or await self._begin()

    @asynccontextmanager
    async def _window(self) -> AsyncIterator[Holding]:
        holding = self._context.memory.downloads.holding()
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
        """Read and send bytes until all are sent; return before that if the client takes none for `_STALLED`
        seconds and the memory of `holding` is needed elsewhere.
        """
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
        """Return True once the client takes more; False if the budget claims the memory of `holding` before. Raises
        Unread if the client takes nothing for `network_timeout` seconds. If the client is gone, returns True or raises
        ConnectionError.
        """
        try:
            async with asyncio.timeout(_STALLED):
                await outflow.writable()
        except TimeoutError:
            return await holding.unless_claimed(self._wait(outflow))
        return True

    async def _wait(self, outflow: Outflow) -> None:
        """Return once the client takes more. Raises Unread after `network_timeout` seconds. If the client is gone,
        returns or raises ConnectionError."""
        try:
            async with asyncio.timeout(self._context.network_timeout):
                await outflow.writable()
        except TimeoutError:
            raise Unread from None
