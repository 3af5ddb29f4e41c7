"""A request written byte by byte, that can stall and break off wherever a test likes."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Mapping
from typing import Self
from urllib.parse import urlsplit

from tests.promises.client import BYTES


class RawRequest:
    """Use as `async with RawRequest("PATCH", url, headers) as request`; what it leaves open is reset."""

    def __init__(self, method: str, url: str, headers: Mapping[str, str]) -> None:
        parts = urlsplit(url)
        fields = {"Host": parts.netloc, **headers}
        lines = [f"{method} {parts.path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
        self._head = "\r\n".join([*lines, "", ""]).encode()
        self._port = parts.port

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        await self.send(self._head)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.cut()

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def status(self) -> int:
        """Of the next answer, be it interim; 0 when the server hangs up instead."""
        line = await self._reader.readline()
        while await self._reader.readline() not in (b"\r\n", b""):
            pass
        return int(line.split()[1]) if line else 0

    async def closed(self) -> bytes:
        """What still comes until the server hangs up."""
        return await self._reader.read()

    def cut(self) -> None:
        """Break the connection with RST, as a phone in a tunnel does."""
        transport = self._writer.transport
        if not transport.is_closing():
            linger = struct.pack("ii", 1, 0)
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        transport.abort()

    def end(self) -> None:
        """Say that nothing more comes, with FIN."""
        self._writer.write_eof()


def patching(url: str, offset: int, length: int | None, **headers: str) -> RawRequest:
    """A PATCH whose head is sent and whose bytes are to come; without a length its body must be chunked by hand."""
    framing = {"Transfer-Encoding": "chunked"} if length is None else {"Content-Length": str(length)}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return RawRequest("PATCH", url, {**BYTES, "Upload-Offset": str(offset), **framing, **named})
