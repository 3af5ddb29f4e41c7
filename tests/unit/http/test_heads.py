"""A server that is shutting down: it reads no further head of a request, and answers a request that ends just then."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import cast

from aiohttp import web
from aiohttp.typedefs import Handler

from tests.support.raw import connected
from tests.support.tus import until
from tusd_py.http.connection.connection_limits import Connections
from tusd_py.http.connection.heads import Runner
from tusd_py.http.context import CONTEXT, Context


async def answered(_: web.Request) -> web.Response:
    return web.Response(text="here")


def served(runner: Runner) -> web.Server:
    assert runner.server is not None
    return runner.server


async def started(handler: Handler) -> tuple[Runner, int]:
    """Start a server whose only route has the handler; return its runner and its port."""
    app = web.Application()
    app[CONTEXT] = cast("Context", SimpleNamespace(memory=None, metrics=None, connections=Connections()))
    app.router.add_route("*", "/", handler)
    runner = Runner(app, 100)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner, runner.addresses[0][1]


async def accepted(runner: Runner) -> bool:
    return bool(served(runner).connections)


async def test_closing_server_reads_no_further_head() -> None:
    runner, port = await started(answered)
    async with connected(port) as connection:
        await until(lambda: accepted(runner))
        (accepting,) = served(runner).connections
        accepting._close = True  # as `pre_shutdown` does, before the connection has begun
        await connection.send(b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n" + bytes(1000))
        await asyncio.sleep(0.2)
        await runner.cleanup()
        assert await connection.read_rest() == b""


async def given_up(request: web.Request) -> web.Response:
    """Cancel the future by which aiohttp's shutdown waits for the request, as if it had stopped waiting just as the
    request ends, and answer 200."""
    waiter = asyncio.get_running_loop().create_future()
    request.protocol._handler_waiter = waiter
    waiter.cancel()
    return web.Response(text="here")


async def test_request_ending_at_shutdown_is_answered() -> None:
    """A request that ends just as the shutdown stops waiting gets its answer."""
    runner, port = await started(given_up)
    async with connected(port) as connection:
        for _ in range(2):
            await connection.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await connection.answer()).status == 200
    await runner.cleanup()
