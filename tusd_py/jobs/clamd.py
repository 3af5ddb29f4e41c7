"""A client of ClamAV's daemon: its command INSTREAM (clamd(8), "COMMANDS")."""

from __future__ import annotations

import asyncio
import socket
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass

from tusd_py.domain.scan import Scan, Verdict
from tusd_py.domain.scan_refusals import ScannerUnavailable
from tusd_py.ports.observer import Observer
from tusd_py.tasks import end

_LENGTH_BYTES = 4
_BEFORE, _FOUND = "stream: ", " FOUND"
_PAST_A_LIMIT = f"{_BEFORE}Heuristics.Limits.Exceeded"
"""The beginning of the answer about content that clamd didn't scan to its end (clamd.conf(5), AlertExceedsMax)."""
_UNSCANNED = Scan(verdict=Verdict.UNSCANNED, reason="size-limit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Clamd:
    """A `Scanner` that sends content to clamd, over a new connection for each scan."""

    connect: Callable[[], Awaitable[tuple[StreamReader, StreamWriter]]]
    seconds: float
    """The timeout, in seconds, of connecting, of sending a chunk, and of the answer after the last chunk."""
    max_size: int
    """The maximum number of bytes to send to clamd; larger content is unscanned."""
    observer: Observer

    async def scan(self, size: int, chunks: AsyncGenerator[bytes, None]) -> Scan:
        async with aclosing(chunks):
            if size > self.max_size:
                return _UNSCANNED
            try:
                return _verdict(await self._ask(chunks))
            except (OSError, TimeoutError, EOFError, ValueError, asyncio.LimitOverrunError) as error:
                self.observer.trouble("scanner failed", reason=str(error) or "no answer")
                raise ScannerUnavailable from None

    async def _ask(self, chunks: AsyncGenerator[bytes, None]) -> str:
        """Send the content and return clamd's answer, stripped. Waits for the answer also while it sends: clamd
        may answer, and close the connection, before it has all bytes. Raises OSError, EOFError,
        LimitOverrunError, and what `chunks` raises.

        The content is written to a duplicate of the socket: asyncio would close a connection on which a write
        fails, and an answer that had come before could no longer be read.
        """
        async with self._connected() as (reader, writer):
            answer = asyncio.create_task(reader.readuntil(b"\0"))
            try:
                with suppress(ConnectionError), writer.get_extra_info("socket").dup() as connection:
                    await self._send(connection, chunks, answer)
                async with asyncio.timeout(self.seconds):
                    return (await answer)[:-1].decode("utf-8", "replace").strip()
            finally:
                await end(answer)

    async def _send(
        self, connection: socket.socket, chunks: AsyncGenerator[bytes, None], answer: asyncio.Task[bytes]
    ) -> None:
        await self._write(connection, b"zINSTREAM\0")
        async for chunk in chunks:
            if answer.done():
                return
            await self._write(connection, len(chunk).to_bytes(_LENGTH_BYTES, "big"))
            await self._write(connection, chunk)
        await self._write(connection, bytes(_LENGTH_BYTES))

    async def _write(self, connection: socket.socket, data: bytes) -> None:
        async with asyncio.timeout(self.seconds):
            await asyncio.get_running_loop().sock_sendall(connection, data)

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[tuple[StreamReader, StreamWriter]]:
        async with asyncio.timeout(self.seconds):
            reader, writer = await self.connect()
        try:
            yield reader, writer
        finally:
            writer.transport.abort()


def _verdict(answer: str) -> Scan:
    """Return the verdict of the answer. Raises ValueError if the answer has none, such as the report of an error."""
    if answer == f"{_BEFORE}OK":
        return Scan(verdict=Verdict.CLEAN)
    if answer.startswith((_PAST_A_LIMIT, "INSTREAM size limit exceeded")):
        return _UNSCANNED
    if answer.startswith(_BEFORE) and answer.endswith(_FOUND):
        return Scan(verdict=Verdict.FOUND, name=answer.removeprefix(_BEFORE).removesuffix(_FOUND))
    raise ValueError(answer[:100])
