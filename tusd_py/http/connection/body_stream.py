"""The body of a response that is made while it is sent, to a client that may stop reading for a while."""

from __future__ import annotations

import asyncio

from aiohttp import web

from tusd_py.http.connection.lasting_wait import LastingWait

_STALLED = 0.5
"""Seconds after which a client that hasn't taken a whole piece counts as having stopped reading for now."""
_HIGH = 1
"""Bytes that may wait in the transport's buffer while the next piece is made: with 0, asyncio's transport for TLS waits
for an empty buffer to be emptied."""


class BodyStream:
    """The body of a streamed response. Little of it waits in this process: the caller makes the next piece once the
    client has taken the last one.

    Methods that send or wait raise ConnectionError once the client is gone.
    """

    def __init__(self, request: web.Request, response: web.StreamResponse, patience: float) -> None:
        """Take `patience`: the seconds after which a client that takes none of the waiting bytes is disconnected."""
        self._request, self.response, self._patience = request, response, patience
        self._sending = LastingWait()
        self._sent_at = 0.0

    @property
    def started(self) -> bool:
        return self.response.prepared

    @property
    def connected(self) -> bool:
        """False once the client or this process has closed the connection."""
        return is_connected(self._request)

    @property
    def silence(self) -> float:
        """Seconds since the last piece was sent, or the head if no piece was; without meaning before that."""
        return _now() - self._sent_at

    async def begin(self) -> None:
        """Send the head of the response."""
        self._sent_at = _now()
        await self.response.prepare(self._request)
        self._request.writer.send_headers()
        if self._request.transport is not None:
            self._request.transport.set_write_buffer_limits(high=_HIGH)

    async def write(self, piece: bytes) -> bool:
        """Send a piece, after `begin`. Returns True once the client has taken it, False if it hasn't taken all after
        half a second: then the caller must await `drained` before the next piece, and should keep nothing in memory
        until then."""
        self._sent_at = _now()
        self._sending.begin(self._pass_on(piece))
        return await self._sending.over(_STALLED)

    async def send(self, piece: bytes) -> None:
        """Send a piece, the head before the first one, and return once the client can take more. Raises
        ConnectionResetError if it takes no byte for `patience` seconds."""
        if not self.started:
            await self.begin()
        if not await self.write(piece):
            await self.drained()

    async def drained(self) -> None:
        """Return once the client can take more. Closes the connection and raises ConnectionResetError if the client
        takes no byte for `patience` seconds.
        """
        waiting = self._waiting
        while not await self._sending.over(self._patience):
            before, waiting = waiting, self._waiting
            if waiting >= before:
                self._abort()
                raise ConnectionResetError("the client takes nothing")

    async def break_off(self, last_words: bytes) -> None:
        """Send `last_words`, then abort the connection without the last chunk, so that the client sees that the rest is
        missing. Raises ConnectionResetError if the client takes nothing; the connection is aborted then, too.
        """
        await self.send(last_words)
        self._abort()

    def close(self) -> None:
        """Cancel the send that still waits for the client, if there is one, and give the connection the usual
        limits of its write buffer again: with the low ones that `begin` sets, aiohttp would wait without limit
        for a client to take the end of a body.
        """
        self._sending.close()
        if self._request.transport is not None and self.connected:
            self._request.transport.set_write_buffer_limits()

    async def _pass_on(self, piece: bytes) -> None:
        await self._request.writer.write(piece)
        await self._request.writer.drain()

    @property
    def _waiting(self) -> int:
        """The number of bytes in the transport's buffer."""
        transport = self._request.transport
        return 0 if transport is None else transport.get_write_buffer_size()

    def _abort(self) -> None:
        """Close the connection, also if bytes wait: the transport's own `close` would wait until they are sent."""
        if self._request.transport is not None:
            self._request.transport.abort()


def is_connected(request: web.Request) -> bool:
    """Return False once the client or this process has closed the connection."""
    return request.transport is not None and not request.transport.is_closing()


def _now() -> float:
    return asyncio.get_running_loop().time()
