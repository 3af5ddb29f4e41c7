"""The bytes of a download, from the storage to a client that may stop reading for a while.

While bytes move they take a window of memory. A client that takes none for a while keeps its window as long as nothing
else needs the memory; then it is closed, with the request to the storage, and opened again from the byte that is due.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager

from tusd_py.domain.refusals import ServiceUnavailable
from tusd_py.domain.upload import Span, Upload
from tusd_py.engine.lookup import read
from tusd_py.http.connection.outflow import Outflow
from tusd_py.http.context import Context
from tusd_py.transfer.share import Holding

_WINDOW = 128 * 1024
"""Bytes of a download in motion: what one read brings, and what the one before it left to send."""
_STALLED = 0.5
"""Seconds without a byte taken after which a window may be closed."""
_PATIENCE = 15.0
"""Seconds to wait for a first window."""


class Unread(ConnectionResetError):
    """The client has taken no byte for as long as a connection may be silent."""


class Delivery:
    """One download. `begin` is called once its first bytes are there, and says where they go."""

    def __init__(self, context: Context, upload: Upload, span: Span, begin: Callable[[], Awaitable[Outflow]]) -> None:
        self._context = context
        self._upload = upload
        self._start, self._at, self._stop = span.start, span.start, span.stop
        self._begin = begin
        self._outflow: Outflow | None = None

    @property
    def begun(self) -> bool:
        return self._outflow is not None

    @property
    def sent(self) -> int:
        return self._at - self._start

    @property
    def complete(self) -> bool:
        return self.begun and self._at >= self._stop

    async def run(self) -> None:
        """All of it. Raises ServiceUnavailable before it has begun; StorageUnavailable, UploadLost, Unread, OSError."""
        while self._at < self._stop:
            async with self._window() as holding:
                await self._pour(holding)
            if self._outflow is not None and self._at < self._stop:
                await self._more(self._outflow)
        self._outflow = self._outflow or await self._begin()

    @asynccontextmanager
    async def _window(self) -> AsyncIterator[Holding]:
        holding = self._context.downloads.holding()
        try:
            await self._fill(holding)
            yield holding
        finally:
            holding.close()

    async def _fill(self, holding: Holding) -> None:
        try:
            async with asyncio.timeout(None if self.begun else _PATIENCE):
                await holding.acquire(_WINDOW)
        except TimeoutError:
            raise ServiceUnavailable("too many downloads at once; try again soon") from None

    async def _pour(self, holding: Holding) -> None:
        """Until all is sent, or the window is claimed."""
        span = Span(self._at, self._stop)
        async with aclosing(read(self._context.engine, self._upload, span)) as chunks:
            async for chunk in chunks:
                self._outflow = self._outflow or await self._begin()
                if not await self._send(memoryview(chunk), self._outflow, holding):
                    return

    async def _send(self, left: memoryview, outflow: Outflow, holding: Holding) -> bool:
        while True:
            sent = outflow.offer(left)
            self._context.metrics.bytes_sent(sent)
            self._at, left = self._at + sent, left[sent:]
            if not left:
                return True
            if not await self._writable(outflow, holding):
                return False

    async def _writable(self, outflow: Outflow, holding: Holding) -> bool:
        """Once the client takes more; False if its window is claimed before."""
        try:
            async with asyncio.timeout(_STALLED):
                await outflow.writable()
        except TimeoutError:
            return await holding.unless_claimed(self._more(outflow))
        return True

    async def _more(self, outflow: Outflow) -> None:
        """Once the client takes more. Raises Unread."""
        try:
            async with asyncio.timeout(self._context.network_timeout):
                await outflow.writable()
        except TimeoutError:
            raise Unread from None
