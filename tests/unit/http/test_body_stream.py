"""Response bodies that are made while they are sent: to a client that reads nothing, and over TLS."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress

import pytest
from aiohttp import ClientPayloadError, ClientSession, TCPConnector, web
from aiohttp.test_utils import TestServer

from tests.support.tls import contexts
from tusd_py.http.connection.body_stream import BodyStream
from tusd_py.http.handlers.streams import streaming

PATIENCE = 0.3
FEW = 60_000
"""Bytes of a response that asyncio's transport buffers without pausing the writer."""


@asynccontextmanager
async def deaf_client(port: int) -> AsyncIterator[None]:
    """Connect a client that sends a GET and reads nothing of the response."""
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        connection.connect(("127.0.0.1", port))
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        yield


async def test_few_bytes_that_wait_cost_a_client_its_connection() -> None:
    end: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def tell(request: web.Request) -> web.StreamResponse:
        request.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        sent_bytes = 0
        async with streaming(request, 60, PATIENCE) as stream:
            while sent_bytes < FEW:
                await stream.send("x" * 300, id="1", event="e")
                sent_bytes += 300
        end.set_result(sent_bytes)
        return stream.response

    app = web.Application()
    app.router.add_get("/", tell)
    async with TestServer(app) as server, deaf_client(server.make_url("/").port or 0), asyncio.timeout(30):
        assert await end < FEW


@pytest.mark.parametrize("broken", [False, True])
async def test_over_tls_each_piece_arrives_at_once(*, broken: bool) -> None:
    took_pieces = list[bool]()

    async def tell(request: web.Request) -> web.StreamResponse:
        with closing(BodyStream(request, web.StreamResponse(), 60)) as body:
            await body.begin()
            for number in range(10):
                took_pieces.append(await body.write(b"%d" % number))
            await (body.break_off(b"end") if broken else body.send(b"end"))
            return body.response

    (tls, trusting), app, text = contexts(), web.Application(), b""
    app.router.add_get("/", tell)
    server = TestServer(app)
    await server.start_server(ssl=tls)
    async with (
        ClientSession(connector=TCPConnector(ssl=trusting)) as session,
        session.get(server.make_url("/")) as answer,
    ):
        with suppress(ClientPayloadError):
            async for piece in answer.content.iter_any():
                text += piece
    await server.close()
    assert (text, took_pieces) == (b"0123456789end", 10 * [True])
