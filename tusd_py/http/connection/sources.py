"""How a request's body is read: what `intake` does with a connection of its own, and here what aiohttp offers."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from aiohttp import web

from tusd_py.ports.body import Chunk

_STEP = 64 * 1024
"""Most bytes taken from a socket at a time, where asyncio lets us say: they wait outside of the memory budget."""


class Source(Protocol):
    """Where the bytes of a body come from. After an error or an interruption, `take` still has what had arrived."""

    @property
    def complete(self) -> bool:
        """All of the body has arrived."""

    async def read(self, patience: float) -> Chunk:
        """More bytes; none at the end of the body.

        Raises ConnectionError or RequestPayloadError when the client is gone, TimeoutError when nothing came for
        `patience` seconds or on `interrupt`.
        """

    def take(self) -> Chunk:
        """What has arrived, or a part of it; empty if there is nothing left."""

    def interrupt(self) -> None:
        """Let no `read` wait any longer."""

    def release(self) -> None:
        """Nothing more will be read from here, only taken. Others may want to see the rest of the body."""


class Stream:
    """aiohttp's own reader."""

    def __init__(self, request: web.Request) -> None:
        self._content = request.content
        self._waiting: asyncio.Timeout | None = None
        self._content.set_read_chunk_size(_STEP // 4)
        self._transport: Any = request.transport
        self._before = getattr(self._transport, "max_size", None)  # not all of them have such a size
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
        """aiohttp still has it when the connection broke, but its public methods only raise by then."""
        if self._content.exception() is None:
            return self._content.read_nowait()
        arrived: bytes = self._content._read_nowait(-1)  # noqa: SLF001 (tests/e2e hold that nothing is lost here)
        return arrived

    def interrupt(self) -> None:
        if self._waiting is not None and not self._waiting.expired():
            self._waiting.reschedule(asyncio.get_running_loop().time())

    def release(self) -> None:
        """It is aiohttp's anyway."""
        self._set_step(self._before)

    def _set_step(self, step: int | None) -> None:
        if self._before is not None:
            self._transport.max_size = step
