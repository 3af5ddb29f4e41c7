"""The sending of a download: over TLS through the transport, to a client that may pause; else straight to the socket,
whose errors mean that the client is gone."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from unittest.mock import Mock

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.support.tls import contexts
from tests.support.writing import random_bytes
from tusd_py.http.connection.outflow import outflow
from tusd_py.storage.s3.api.socket_writer import opened

BODY = random_bytes(8 * 1024 * 1024)
IMPATIENCE = 0.01
"""Seconds after which the test's handler, which sends `BODY`, breaks off each wait until the connection takes more
bytes (`writable`), to offer the bytes again and wait once more."""


async def send(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": str(len(BODY))})
    await response.prepare(request)
    unsent = memoryview(BODY)
    with outflow(request) as body:
        while unsent:
            count = body.offer(unsent)
            unsent = unsent[count:]
            if not count:
                with suppress(TimeoutError):
                    async with asyncio.timeout(IMPATIENCE):
                        await body.writable()
    return response


@asynccontextmanager
async def connected() -> AsyncIterator[asyncio.StreamReader]:
    """Send a GET to a server over TLS, and yield the reader of its response, which buffers few KiB."""
    tls, trusting = contexts()
    app = web.Application()
    app.router.add_get("/", send)
    server = TestServer(app)
    await server.start_server(ssl=tls)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, ssl=trusting, limit=4096)
    writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    try:
        yield reader
    finally:
        writer.close()
        await server.close()


async def test_over_tls_a_client_that_pauses_gets_all() -> None:
    async with connected() as answer, asyncio.timeout(60):
        await answer.readuntil(b"\r\n\r\n")
        got = await answer.readexactly(1)
        for _ in range(3):
            await asyncio.sleep(20 * IMPATIENCE)
            got += await answer.readexactly(1024 * 1024)
        assert got + await answer.readexactly(len(BODY) - len(got)) == BODY


async def test_a_connection_that_timed_out_is_a_client_gone() -> None:
    """An error by which a connection has failed is raised as ConnectionError when a body is sent to the socket, also
    one after retransmissions in vain, such as ETIMEDOUT."""
    client, server = socket.socketpair()
    client.close()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_connection(asyncio.Protocol, sock=server)
    with opened(transport) as outlet:
        assert outlet is not None
        for number in (errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.EPIPE):
            outlet._socket = Mock(send=Mock(side_effect=OSError(number, "as told")))
            with pytest.raises(ConnectionError, match="as told"):
                outlet.offer(b"a")
    transport.close()
