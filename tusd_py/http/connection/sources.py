"""The port to the bytes of a request's body, and the adapter that reads them through aiohttp; `socket_reader` has the
one that reads the socket."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from aiohttp import web

from tusd_py.ports.body import Chunk

_STEP = 64 * 1024
"""The most bytes of one read from a socket, on transports that have such a setting (`max_size`): they aren't in the
memory budget."""


class Source(Protocol):
    """A source of a body's bytes. After an error or `interrupt`, `take` still returns the bytes that had arrived."""

    @property
    def complete(self) -> bool:
        """True if the whole body has arrived, taken or not."""

    async def read(self, patience: float) -> Chunk:
        """Wait for bytes and return them; an empty chunk at the end of the body.

        Raises ConnectionError, or another OSError by which the connection failed, when the client is gone;
        RequestPayloadError when aiohttp can't decode the body; TimeoutError when no bytes came for `patience` seconds
        or on `interrupt`.
        """

    def take(self) -> Chunk:
        """Return some of the bytes that have arrived, without waiting; an empty chunk once none are left."""

    def interrupt(self) -> None:
        """Make a `read` that waits raise TimeoutError."""

    def release(self) -> None:
        """Stop reading through this source: no `read` may follow, but `take`, `complete` and `release` may.

        The bytes that have arrived can still be taken; aiohttp may read the rest of the body.
        """


class Stream:
    """A source over aiohttp's `StreamReader`."""

    def __init__(self, request: web.Request) -> None:
        self._content = request.content
        self._waiting: asyncio.Timeout | None = None
        self._content.set_read_chunk_size(_STEP // 4)
        self._transport: Any = request.transport
        self._original_size = getattr(self._transport, "max_size", None)  # None: a transport without that setting
        self._set_step(_STEP)

    @property
    def complete(self) -> bool:
        return self._content.is_eof()

    async def read(self, patience: float) -> Chunk:
        try:
            async with asyncio.timeout(patience) as self._waiting:
                return await self._content.readany()
        finally:
            self._waiting = None

    def take(self) -> Chunk:
        """Return the bytes that aiohttp has buffered, also after a lost connection, when aiohttp's public methods
        raise."""
        if self._content.exception() is None:
            return self._content.read_nowait()
        arrived: bytes = self._content._read_nowait(-1)  # noqa: SLF001 (tests/e2e check that nothing is lost here)
        return arrived

    def interrupt(self) -> None:
        if self._waiting is not None and not self._waiting.expired():
            self._waiting.reschedule(asyncio.get_running_loop().time())

    def release(self) -> None:
        """Set the transport's `max_size`, the most bytes of one read, back to its value before this source, on
        transports that have it. Reading goes on: aiohttp reads the body in any case.
        """
        self._set_step(self._original_size)

    def _set_step(self, step: int | None) -> None:
        if self._original_size is not None:
            self._transport.max_size = step
