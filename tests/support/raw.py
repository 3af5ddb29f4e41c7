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
        """Write `data`; wait while the send buffers of asyncio and the system are full, as the server doesn't read.
        Raises ConnectionError if the connection is lost."""
        self._writer.write(data)
        await self._writer.drain()

    async def head(self, method: str, url: str, **headers: object) -> None:
        """Send the head of a request for the URL's path, without its query: Host, Tus-Resumable and the given fields.
        None leaves a field out."""
        fields = header_fields({"host": "127.0.0.1", "tus_resumable": VERSION, **headers})
        lines = [f"{method} {urlsplit(url).path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
        await self.send("\r\n".join([*lines, "", ""]).encode("latin-1"))

    async def patch(self, url: str, offset: int, body: bytes = b"", /, **headers: object) -> None:
        """Send the head of a tus PATCH at this offset, then `body`, which may be only the first bytes of the request's
        body: its Content-Length or Transfer-Encoding is sent only if it is among `headers`."""
        await self.head("PATCH", url, **{"content_type": OCTETS, "upload_offset": offset, **headers})
        await self.send(body)

    async def answer(self, *, head: bool = False) -> RawAnswer:
        """Return the next answer, also an interim one; a body without Content-Length stays unread. `head` says that the
        request was a HEAD, whose answer has no body. Raises TimeoutError after 15 s, IncompleteReadError if the server
        ends the connection, ConnectionError if it breaks it."""
        async with asyncio.timeout(PATIENCE):
            start, _, fields = (await self._reader.readuntil(b"\r\n\r\n")).partition(b"\r\n")
            status = int(start.split()[1])
            headers = {name.lower(): str(value) for name, value in BytesParser(policy=HTTP).parsebytes(fields).items()}
            size = 0 if head or status < 200 else int(headers.get("content-length", 0))
            return RawAnswer(status=status, headers=headers, body=await self._reader.readexactly(size))

    async def status(self) -> int:
        """Return the status of the next answer, also of an interim one, however long the server takes; 0 if the server
        ends the connection instead. The answer's body is left unread. Raises ConnectionError if the connection
        breaks."""
        line = await self._reader.readline()
        while await self._reader.readline() not in (b"\r\n", b""):
            pass
        return int(line.split()[1]) if line else 0

    async def closed(self) -> bytes:
        """Return what still comes until the server hangs up, however long that takes. Raises ConnectionError if the
        connection breaks instead."""
        return await self._reader.read()

    async def read_rest(self) -> bytes:
        """Return all bytes that come until the server closes the connection; none if the connection breaks. Raises
        TimeoutError after 15 s."""
        async with asyncio.timeout(PATIENCE):
            try:
                return await self.closed()
            except ConnectionError:
                return b""

    async def silent(self, seconds: float) -> bool:
        """Return True if no byte comes from the server within `seconds`, also if the server closes the connection
        before one comes; False if one comes, which is consumed. Raises ConnectionError if the connection breaks."""
        try:
            async with asyncio.timeout(seconds):
                return not await self._reader.read(1)
        except TimeoutError:
            return True

    def finish(self) -> None:
        """Close the sending side of the connection; answers can still be read."""
        self._writer.write_eof()

    def leave(self) -> None:
        """Close the connection at once, as when the client's process ends."""
        self._writer.transport.abort()

    def reset(self) -> None:
        """Break the connection with RST, unless it is closed already."""
        transport = self._writer.transport
        if not transport.is_closing():
            linger = struct.pack("ii", 1, 0)
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        transport.abort()


@asynccontextmanager
async def connected(port: int, tls: ssl.SSLContext | None = None) -> AsyncIterator[RawConnection]:
    """A connection to a port of this machine, closed at the end of the block."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls)
    try:
        yield RawConnection(reader, writer)
    finally:
        writer.transport.abort()


@asynccontextmanager
async def requesting(method: str, url: str, /, **headers: object) -> AsyncIterator[RawConnection]:
    """A connection on which the head of a request has been sent, with Host and these fields alone. At the end of the
    block it is reset unless it is closed already."""
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
    """A connection on which the head of a tus PATCH has been sent; the test sends the body. `length` is its
    Content-Length; if that is None, the head announces a chunked body, which the test frames with `chunked`. At the end
    of the block the connection is reset unless it is closed already."""
    framing = {"transfer_encoding": "chunked"} if length is None else {"content_length": length}
    usual = {"tus_resumable": VERSION, "content_type": OCTETS, "upload_offset": offset}
    return requesting("PATCH", url, **{**usual, **framing, **headers})


def chunked(*chunks: bytes, end: bool = True) -> bytes:
    """Return the chunks in the framing of `Transfer-Encoding: chunked`, with the last, empty chunk if `end`."""
    framed = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    return framed + (b"0\r\n\r\n" if end else b"")


@asynccontextmanager
async def stalled_patch(
    tus: TusClient, url: str, offset: int, body: bytes, /, **headers: object
) -> AsyncIterator[RawConnection]:
    """A connection on which a PATCH has sent `body`, which the server has received, and sends no more. The body is
    chunked, but not if Content-Length is among the headers."""
    before = await tus.metric("received_bytes_total")
    framing = {} if "content_length" in headers else {"transfer_encoding": "chunked"}
    async with connected(tus.port) as connection:
        await connection.patch(url, offset, chunked(body, end=False) if framing else body, **framing, **headers)
        await tus.received(before + len(body))
        yield connection


async def superseded(connection: RawConnection) -> bool:
    """Wait until the connection ends; return True if no answer came before that, or if the next one was a 423, and also
    if the connection broke. Raises TimeoutError after 15 s."""
    reply = await connection.read_rest()
    return not reply or reply.startswith(b"HTTP/1.1 423 ")
