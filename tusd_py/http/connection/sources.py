"""The port to a request's body, which `socket_reader` reads from the socket, or `Stream` through aiohttp."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from aiohttp import web

from tusd_py.ports.body import Chunk

_STEP = 64 * 1024
"""Bytes to read from a socket at a time, where asyncio has a setting: they wait outside of the memory budget."""


class Source(Protocol):
    """A source of a body's bytes. After an error or an interruption, `take` still returns what had arrived."""

    @property
    def complete(self) -> bool:
        """True if all of the body has arrived."""

    async def read(self, patience: float) -> Chunk:
        """Return more bytes; none at the end of the body.

        Raises ConnectionError or RequestPayloadError when the client is gone, TimeoutError when nothing came for
        `patience` seconds or on `interrupt`.
        """

    def take(self) -> Chunk:
        """Return what has arrived, or a part of it; empty if nothing is left."""

    def interrupt(self) -> None:
        """End a waiting `read` with TimeoutError."""

    def release(self) -> None:
        """Stop reading from here; only `take` may follow. aiohttp may read the rest of the body."""


class Stream:
    """A source over aiohttp's reader."""

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
        """Return what aiohttp still has, also after the connection broke, when its public methods only raise."""
        if self._content.exception() is None:
            return self._content.read_nowait()
        arrived: bytes = self._content._read_nowait(-1)  # noqa: SLF001 (tests/e2e check that nothing is lost here)
        return arrived

    def interrupt(self) -> None:
        if self._waiting is not None and not self._waiting.expired():
            self._waiting.reschedule(asyncio.get_running_loop().time())

    def release(self) -> None:
        """Restore the transport's read size: aiohttp reads the body anyway."""
        self._set_step(self._original_size)

    def _set_step(self, step: int | None) -> None:
        if self._original_size is not None:
            self._transport.max_size = step
