"""ClamAV's daemon, from Debian's package, and a stand-in that speaks its INSTREAM (clamd(8)) and can be silent, break
off or refuse.

Both find `MALICE` and nothing else, unless settings of the daemon say otherwise (`AlertExceedsMax`).
"""

from __future__ import annotations

import asyncio
from asyncio import IncompleteReadError, StreamReader, StreamWriter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from devtools.part import HOST, Part, need

MALICE = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
"""The text of EICAR's test file."""


class Clamd(Part):
    """A `clamd` whose only signature is of `MALICE`: with ClamAV's own database, its start would take a minute.

    `settings` are further lines of its clamd.conf(5).
    """

    name = "clamd"

    def __init__(self, directory: Path, *settings: str) -> None:
        super().__init__(directory)
        self._settings = settings

    @property
    def address(self) -> str:
        """The address as the setting `clamd` takes it: `tcp:HOST:PORT`."""
        return f"tcp:{HOST}:{self.port}"

    def command(self) -> Sequence[str]:
        return (need("clamd", "install Debian's clamav-daemon"), "--config-file", "clamd.conf")

    def start(self) -> None:
        database = self._directory / "database"
        database.mkdir(parents=True, exist_ok=True)
        (database / "test.ndb").write_text(f"Eicar:0:*:{MALICE.hex()}\n")
        place = (f"TCPAddr {HOST}", f"TCPSocket {self.port}", "DatabaseDirectory database", "Foreground yes")
        (self._directory / "clamd.conf").write_text("\n".join((*place, *self._settings, "")))
        super().start()


@dataclass(kw_only=True)
class FakeClamd:
    """A server in place of clamd that behaves as a test sets it, and records the length of each complete stream."""

    port: int = 0
    limit: int = 25_000_000
    """The most bytes that a stream may have (clamd's StreamMaxLength); the answer to a longer one is an error."""
    silent: bool = False
    """True to read each stream and answer nothing, with the connection left open until the server ends."""
    broken: bool = False
    """True to close the connection after the stream, without an answer."""
    refusing: bool = False
    """True to close each connection at once, before anything is read."""
    allowed: asyncio.Event = field(default_factory=asyncio.Event)
    """An event that answers wait for; it is set at first."""
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    """An event that is set when the server ends."""
    streams: list[int] = field(default_factory=list)
    """The lengths in bytes of the streams that were received whole."""

    def __post_init__(self) -> None:
        self.allowed.set()

    @property
    def address(self) -> str:
        """The address as the setting `clamd` takes it: `tcp:HOST:PORT`."""
        return f"tcp:127.0.0.1:{self.port}"

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        try:
            if not self.refusing and await reader.readuntil(b"\0") == b"zINSTREAM\0":
                await self._answer(await self._stream(reader), writer)
        except (IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _stream(self, reader: StreamReader) -> bytes | None:
        """Return all bytes of a stream, and note their number in `streams`; None, with the rest unread, if they are
        more than `limit`. Raises IncompleteReadError or ConnectionError if the stream is cut."""
        stream = bytearray()
        while length := int.from_bytes(await reader.readexactly(4), "big"):
            if len(stream) + length > self.limit:
                return None
            stream += await reader.readexactly(length)
        self.streams.append(len(stream))
        return bytes(stream)

    async def _answer(self, stream: bytes | None, writer: StreamWriter) -> None:
        await self.allowed.wait()
        if self.silent:
            await self.ended.wait()
        if self.broken or self.ended.is_set():
            return
        if stream is None:
            writer.write(b"INSTREAM size limit exceeded. ERROR\0")
        else:
            writer.write(b"stream: Eicar FOUND\0" if MALICE in stream else b"stream: OK\0")
        await writer.drain()


@asynccontextmanager
async def fake_clamd() -> AsyncIterator[FakeClamd]:
    """Run a fake clamd until the end of the context."""
    clamd = FakeClamd()
    server = await asyncio.start_server(clamd.serve, "127.0.0.1")
    clamd.port = server.sockets[0].getsockname()[1]
    try:
        yield clamd
    finally:
        clamd.allowed.set()
        clamd.ended.set()
        server.close()
