"""A forward proxy, as companies have them: tunnels for https, absolute URLs for http."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit


@dataclass(slots=True)
class ForwardProxy:
    """A forward proxy on 127.0.0.1 while `async with ForwardProxy() as proxy` lasts, over TLS if `tls` is given. It
    asks for no credentials, and remembers those it gets."""

    tls: ssl.SSLContext | None = None
    silent: bool = False
    """True if the proxy reads requests and never answers."""
    request_lines: list[str] = field(default_factory=list)
    """The first line of the first request on each connection, in order. Requests in a tunnel (CONNECT) aren't seen."""
    credentials: set[str] = field(default_factory=set)
    """The values of Proxy-Authorization that clients sent."""
    port: int = 0
    _server: asyncio.Server | None = None
    _busy: set[asyncio.Task[None]] = field(default_factory=set)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._busy:
            task.cancel()
        await asyncio.gather(*self._busy, return_exceptions=True)

    def methods(self) -> set[str]:
        return {line.split()[0] for line in self.request_lines}

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._busy.add(task)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await self._answer(reader, writer)
        finally:
            self._busy.discard(task)
            writer.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        self._remember(head)
        if self.silent:
            await asyncio.Event().wait()
        method, target, _ = head.split(" ", 2)
        if method == "CONNECT":
            host, _, port = target.rpartition(":")
            upstream, back = await asyncio.open_connection(host, int(port))
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            url = urlsplit(target)
            upstream, back = await asyncio.open_connection(url.hostname, url.port)
            head = head.replace(f"{url.scheme}://{url.netloc}", "", 1).replace("\r\n", "\r\nConnection: close\r\n", 1)
            back.write(head.encode("latin-1"))
        await _joined(reader, writer, upstream, back)

    def _remember(self, head: str) -> None:
        first, *fields = head.split("\r\n")
        self.request_lines.append(first)
        names = (line.partition(": ") for line in fields)
        self.credentials |= {value for name, _, value in names if name.lower() == "proxy-authorization"}


async def _joined(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    upstream: asyncio.StreamReader,
    back: asyncio.StreamWriter,
) -> None:
    try:
        async with asyncio.TaskGroup() as pumps:
            pumps.create_task(_pump(reader, back))
            pumps.create_task(_pump(upstream, writer))
    except* ConnectionError:
        pass
    finally:
        back.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(65536):
        writer.write(chunk)
        await writer.drain()
    writer.close()
