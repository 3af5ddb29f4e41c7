"""HTTP as bytes on a socket: for half bodies, stalls, odd framing and everything else a proper client won't send."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from email.parser import BytesParser
from email.policy import HTTP
from urllib.parse import urlsplit

from tests.support.tus import OCTETS, PATIENCE, VERSION, TusClient, header_fields


@dataclass(frozen=True, slots=True, kw_only=True)
class RawAnswer:
    status: int
    headers: dict[str, str]
    """By lower-case name."""
    body: bytes = b""


class RawConnection:
    """One connection to the server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def send(self, data: bytes) -> None:
        """Hand `data` to the system, waiting while the server doesn't read."""
        self._writer.write(data)
        await self._writer.drain()

    async def head(self, method: str, url: str, **headers: object) -> None:
        """A request's head, with Host and Tus-Resumable and otherwise only what is given."""
        fields = header_fields({"host": "127.0.0.1", "tus_resumable": VERSION, **headers})
        lines = [f"{method} {urlsplit(url).path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
        await self.send("\r\n".join([*lines, "", ""]).encode("latin-1"))

    async def patch(self, url: str, offset: int, body: bytes = b"", /, **headers: object) -> None:
        """The head of a PATCH and as much of its body as `body`."""
        await self.head("PATCH", url, **{"content_type": OCTETS, "upload_offset": offset, **headers})
        await self.send(body)

    async def answer(self, *, head: bool = False) -> RawAnswer:
        """The next answer, an interim one too; `head` when the request was a HEAD."""
        async with asyncio.timeout(PATIENCE):
            start, _, fields = (await self._reader.readuntil(b"\r\n\r\n")).partition(b"\r\n")
            status = int(start.split()[1])
            headers = {name.lower(): str(value) for name, value in BytesParser(policy=HTTP).parsebytes(fields).items()}
            size = 0 if head or status < 200 else int(headers.get("content-length", 0))
            return RawAnswer(status=status, headers=headers, body=await self._reader.readexactly(size))

    async def status(self) -> int:
        """The next answer's, interim ones too, however long it takes; 0 when the server hangs up instead."""
        line = await self._reader.readline()
        while await self._reader.readline() not in (b"\r\n", b""):
            pass
        return int(line.split()[1]) if line else 0

    async def closed(self) -> bytes:
        """Return what still comes until the server hangs up, however long that takes. Raises ConnectionError."""
        return await self._reader.read()

    async def read_rest(self) -> bytes:
        """Return all that comes until the server ends the connection."""
        async with asyncio.timeout(PATIENCE):
            try:
                return await self.closed()
            except ConnectionError:
                return b""

    async def silent(self, seconds: float) -> bool:
        """True if the server says nothing for that long. Uses up what it says."""
        try:
            async with asyncio.timeout(seconds):
                return not await self._reader.read(1)
        except TimeoutError:
            return True

    def finish(self) -> None:
        """Nothing more will be sent; answers are still read."""
        self._writer.write_eof()

    def leave(self) -> None:
        """Go away without a word, as a program that ends."""
        self._writer.transport.abort()

    def reset(self) -> None:
        """Break the connection with RST, as a phone in a tunnel does."""
        transport = self._writer.transport
        if not transport.is_closing():
            linger = struct.pack("ii", 1, 0)
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        transport.abort()


@asynccontextmanager
async def connected(port: int, tls: ssl.SSLContext | None = None) -> AsyncIterator[RawConnection]:
    """A connection for as long as the block lasts."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls)
    try:
        yield RawConnection(reader, writer)
    finally:
        writer.transport.abort()


@asynccontextmanager
async def requesting(method: str, url: str, /, **headers: object) -> AsyncIterator[RawConnection]:
    """A connection on which a head with these fields alone, and Host, is sent; what is left open is reset."""
    where = urlsplit(url)
    assert where.port is not None
    async with connected(where.port) as connection:
        try:
            await connection.head(method, url, **{"host": where.netloc, "tus_resumable": None, **headers})
            yield connection
        finally:
            connection.reset()


def patching(
    url: str, offset: int, length: int | None, **headers: object
) -> AbstractAsyncContextManager[RawConnection]:
    """A PATCH whose head is sent and whose bytes are to come; without a length its body must be chunked by hand."""
    framing = {"transfer_encoding": "chunked"} if length is None else {"content_length": length}
    usual = {"tus_resumable": VERSION, "content_type": OCTETS, "upload_offset": offset}
    return requesting("PATCH", url, **{**usual, **framing, **headers})


def chunked(*chunks: bytes, end: bool = True) -> bytes:
    """`Transfer-Encoding: chunked` framing."""
    framed = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    return framed + (b"0\r\n\r\n" if end else b"")


@asynccontextmanager
async def stalled_patch(
    tus: TusClient, url: str, offset: int, body: bytes, /, **headers: object
) -> AsyncIterator[RawConnection]:
    """A PATCH that has brought `body`, unframed if Content-Length is given, and now falls silent."""
    before = await tus.metric("received_bytes_total")
    framing = {} if "content_length" in headers else {"transfer_encoding": "chunked"}
    async with connected(tus.port) as connection:
        await connection.patch(url, offset, chunked(body, end=False) if framing else body, **framing, **headers)
        await tus.received(before + len(body))
        yield connection


async def superseded(connection: RawConnection) -> bool:
    """True if the server ended the connection, with a 423 or without a word."""
    reply = await connection.read_rest()
    return not reply or reply.startswith(b"HTTP/1.1 423 ")
