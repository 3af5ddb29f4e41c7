"""The heads of requests, whose bytes are counted as they arrive, against a limit and the memory budget.

aiohttp limits the number of header fields and the length of each, but not the bytes of a whole head, and queues up to
32 requests behind one. Here a connection has one long head at a time, partial or being served, and waits for memory
before more of it is read. `internals` lists the undocumented parts of aiohttp that are needed; this module is used only
if `internals.COUNTS_HEADS` is true.
"""
# ruff: noqa: SLF001 (see above)

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from functools import partial
from typing import Any, cast

from aiohttp import hdrs, web
from aiohttp.http import RawRequestMessage
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader
from aiohttp.web_protocol import RequestHandler

from tusd_py.http.connection import malformed
from tusd_py.http.connection.connection_limits import UNIX_PEER, client_of, raw_answer
from tusd_py.http.connection.internals import ErrorInfo, new_parser
from tusd_py.http.context import CONTEXT, Context
from tusd_py.transfer.budget_share import Holding
from tusd_py.transfer.memory import CLAIMED_AFTER

_STEP = 8 * 1024
"""The most bytes of one read from a socket while no body of an upload is being read, on transports that have such a
setting (`max_size`)."""
_FREE = 8 * 1024
"""The most bytes of an incomplete head for which no memory is taken from the budget: with more, memory for a head of
the greatest length is taken; once the head is whole, all but the memory for its fields is given back."""
_TIMES = 2
"""Bytes in memory for each byte of a head: aiohttp keeps the head as sent and as parsed."""
_LINGER = 1.0
"""Seconds between a refusal and the close, for the client to read it; what the client sends meanwhile is dropped."""
_TOO_LARGE, _BUSY = 431, 503
_TEXTS = {
    _TOO_LARGE: "head-too-large: the head of a request can have {} bytes at most\n",
    _BUSY: "unavailable: too many long heads at once; try again soon\n",
}
_MOST_FRAMING = 8 * 1024
"""The most bytes in a row of a chunked body that aren't its content: aiohttp gathers trailer fields until their end."""
_BAD_FRAMING = "head-too-large: the trailer fields of a body can have {} bytes at most\n"


class Runner(web.AppRunner):
    """A runner whose connections count the bytes of heads; a head that hasn't ended after `limit` bytes, or whose
    fields have more, is refused with 431."""

    __slots__ = ("_limit",)

    def __init__(self, app: web.Application, limit: int, **arguments: Any) -> None:
        super().__init__(app, **arguments)
        self._limit = limit

    async def _make_server(self) -> web.Server:
        server = await super()._make_server()
        return _Server(server, self.app[CONTEXT], self._limit)


class _Server(web.Server):
    def __init__(self, original: web.Server, context: Context, limit: int) -> None:
        super().__init__(
            original.request_handler,
            request_factory=original.request_factory,
            handler_cancellation=original.handler_cancellation,
            loop=original._loop,
            **original._kwargs,
        )
        self.context = context
        self.limit = limit

    def __call__(self) -> RequestHandler:
        return _Connection(self, loop=self._loop, **self._kwargs)


class _Connection(RequestHandler):
    __slots__ = (
        *(
            "_body",
            "_came",
            "_context",
            "_deaf",
            "_end_awaited",
            "_ended",
            "_framing",
            "_holding",
            "_limit",
            "_partial",
        ),
        *("_peer", "_reserving"),
    )

    def __init__(self, server: _Server, **arguments: Any) -> None:
        super().__init__(server, **arguments)
        self._max_msg_queue_size, self._msg_queue_resume_size = 1, 0
        self._parser = new_parser(self)
        self._context, self._limit = server.context, server.limit
        self._partial = 0
        """Bytes so far of a head that isn't complete, without those that arrived in one read with the end of the
        previous request."""
        self._peer = ""
        self._came = 0
        """The number of bytes of the last read, which may have begun with the end of a body, and of the partial head
        before it: for the limit of a head, and for the log line about a malformed request."""
        self._body: StreamReader = EMPTY_PAYLOAD
        """The body of the last request whose head is whole."""
        self._framing = 0
        """Bytes in a row that were no content of the chunked body being read."""
        self._holding: Holding | None = None
        self._ended = asyncio.Event()
        """Set once the head for which memory is held is whole, or refused."""
        self._reserving: asyncio.Task[None] | None = None
        self._deaf = False

    @property
    def _handler_waiter(self) -> asyncio.Future[None] | None:
        """The future by which aiohttp's shutdown waits for the request being served; None while it doesn't wait. Reads
        as None also once it is done: aiohttp would set its result a second time if the request ends at that moment."""
        return None if self._end_awaited is None or self._end_awaited.done() else self._end_awaited

    @_handler_waiter.setter
    def _handler_waiter(self, waiter: asyncio.Future[None] | None) -> None:
        self._end_awaited = waiter

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport.get_extra_info("peername"), (str, bytes)):
            transport._extra["peername"] = UNIX_PEER  # type: ignore[attr-defined]  # else a name that the peer chose
        super().connection_made(transport)
        self._peer = client_of(transport.get_extra_info("peername"))
        if (answer := self._context.connections.opened(self._peer)) is not None:
            self._turn_away(cast(asyncio.Transport, transport), answer)
            return
        if hasattr(transport, "max_size"):
            transport.max_size = _STEP

    def _turn_away(self, transport: asyncio.Transport, answer: bytes) -> None:
        self._deaf = True
        self._context.metrics.failed("too-many-connections")
        transport.write(answer)
        self.force_close()

    def data_received(self, data: bytes) -> None:
        if self._deaf or self._close or self._force_close:  # aiohttp drops it: it makes no head
            return
        if self._upgraded or self._payload_parser is not None:
            super().data_received(data)  # of a WebSocket: no head comes any more
            return
        in_body, content, count = not self._body.is_eof(), self._body.total_bytes, self._request_count
        if data:  # aiohttp also asks whether there is more, with nothing
            self._came = self._partial + len(data)
        super().data_received(data)
        if self._request_count != count:
            self._head_done(*self._messages[-1])
        elif not in_body:
            self._partial += len(data)
            self._weigh()
        else:
            self._weigh_framing(len(data), grown=self._body.total_bytes > content)

    def connection_lost(self, exc: BaseException | None) -> None:
        super().connection_lost(exc)
        self._context.connections.closed(self._peer)
        self._messages.clear()  # else it stays until a cycle is found
        if self._reserving is not None:
            self._reserving.cancel()
        if not self._request_in_progress:
            self._let_go()

    async def _handle_request(
        self, request: web.BaseRequest, start: float | None, handler: Any
    ) -> tuple[web.StreamResponse, bool]:
        try:
            return await super()._handle_request(request, start, partial(self._judged, handler))
        finally:
            if not self._messages:
                self._let_go()
                self._weigh()

    def _judged(self, handler: Any, request: web.BaseRequest) -> Awaitable[web.StreamResponse]:
        """Return the answer of `handler`, or a 400 for an Expect that isn't ASCII: outside of our routes, aiohttp
        repeats an Expect that it doesn't know in its answer, and fails to encode one that isn't ASCII."""
        if not request.headers.get(hdrs.EXPECT, "").isascii():
            return self._refuse_malformed(ValueError("Expect"), request)
        return cast(Awaitable[web.StreamResponse], handler(request))

    def _make_error_handler(self, err_info: Any) -> Any:
        if err_info.status in _TEXTS:
            return partial(self._refuse, err_info.status)
        return partial(self._refuse_malformed, err_info.exc)

    def _head_done(self, message: object, body: StreamReader) -> None:
        if self._came > self._limit and _size(message) > self._limit:
            self._messages.pop()
            self._refuse_head()
            return
        self._partial, self._body = 0, body
        self._ended.set()
        if self._holding is not None:
            self._holding.release(max(self._holding.held_bytes - _TIMES * _size(message), 0))

    def _weigh(self) -> None:
        if self._partial <= _FREE or self._holding is not None or self.transport is None:
            self._limit_head()
            return
        self._pause_reading_for_buffer()
        if not self._request_in_progress and not self._messages:
            self._holding, self._ended = self._context.memory.texts.holding(), asyncio.Event()
            self._reserving = self._loop.create_task(self._reserve(self._holding, self._ended))

    async def _reserve(self, holding: Holding, ended: asyncio.Event) -> None:
        """Wait until `holding` has the memory for a head of the greatest length, then read on until the head has
        `ended`. The memory is acquired all at one time: connections that held a part each could wait for each other.
        A client that sends slowly must not keep it from others: the head is refused if the budget claims it.
        """
        await holding.acquire(_TIMES * self._limit)
        self._resume_reading_for_buffer()
        if await holding.unless_claimed(ended.wait(), after=CLAIMED_AFTER):
            return
        if ended.is_set():
            holding.keep()
        else:
            self._refuse_head(_BUSY)

    def _weigh_framing(self, size: int, *, grown: bool) -> None:
        """Add `size` received bytes to the count of those in a row that were no content of a chunked body. Start again
        from 0 if they had content (`grown`) or the body has ended. Above 8 KiB (`_MOST_FRAMING`), close the
        connection, with 431 if the body's request still waits for its answer."""
        self._framing = 0 if grown or self._body.is_eof() else self._framing + size
        if self._framing <= _MOST_FRAMING or self.transport is None:
            return
        self._context.metrics.failed("head-too-large")
        request = self._current_request  # None once its handler is done
        if request is not None and request.content is self._body and not request.writer.output_size:
            text = _BAD_FRAMING.format(_MOST_FRAMING)
            self.transport.write(raw_answer(_TOO_LARGE, "Request Header Fields Too Large", text))
        self.force_close()

    def _limit_head(self) -> None:
        if self._partial > self._limit and self._manager is not None:
            self._refuse_head()

    def _refuse_head(self, status: int = _TOO_LARGE) -> None:
        """Queue a refusal in place of the head that is too large or too slow, and drop all that the connection
        receives from then on.
        """
        self._deaf, self._partial, self._parser = True, 0, new_parser(self)
        self._ended.set()
        error = ErrorInfo(status=status, exc=ValueError("a head is refused"), message="")
        self._messages.append((error, EMPTY_PAYLOAD))
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _refuse(self, status: int, request: web.BaseRequest) -> web.StreamResponse:
        text = _TEXTS[status].format(self._limit)
        self._context.metrics.failed(text.partition(":")[0])
        response = malformed.minimal_response(self._context, status, text)
        self._let_go()
        with suppress(ConnectionError):
            await response.prepare(request)
            await response.write_eof()
            await asyncio.sleep(_LINGER)
        return response

    async def _refuse_malformed(self, error: BaseException, request: web.BaseRequest) -> web.StreamResponse:
        return malformed.refuse(self._context, error, request, self._came)

    def _let_go(self) -> None:
        if self._holding is not None:
            self._holding.close()
            self._holding = None


def _size(message: object) -> int:
    """Return the bytes of the names and values of a parsed head's fields; 0 for a parse error."""
    if isinstance(message, ErrorInfo):
        return 0
    raw = cast(RawRequestMessage, message).raw_headers
    return sum(len(name) + len(value) for name, value in raw)
