"""A waiting listener takes little more memory than its connection, as its handler has returned; where aiohttp must keep
the connection (`internals.FORGETS_CONNECTIONS` is False), the handler stays, and listeners work too."""

from __future__ import annotations

import asyncio
import gc
import ssl
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from socket import create_connection, socket
from typing import Any

import pytest
from aiohttp import ClientSession, TCPConnector, web

from tests.support.live import listening
from tests.support.tls import contexts
from tests.support.tus import TusClient
from tusd_py import create_app
from tusd_py.config import load_settings
from tusd_py.http.connection import internals
from tusd_py.http.context import CONTEXT
from tusd_py.server.process import make_runner

COUNT, WARM_UP = 200, 20
MOST = 6 * 1024
"""The most bytes of memory that a waiting listener may take, 2 KiB of them asyncio's for its socket. It would take 21
KiB if its handler stayed until the connection ends."""
BROWSER = "User-Agent: Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/140.0\r\nAccept: text/event-stream\r\n"


@asynccontextmanager
async def serving(
    directory: Path, tls: ssl.SSLContext | None = None, **settings: object
) -> AsyncIterator[web.AppRunner]:
    """Run a server with `live` in this process while the block lasts, with its storage in `directory` and its state in
    memory, over TLS if `tls` is given; yield its runner."""
    chosen = {"storage": f"file:{directory}", "state": "memory:", "live": True, **settings}
    loaded = load_settings(chosen, None, {})
    runner = make_runner(loaded, create_app(loaded))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    try:
        yield runner
    finally:
        await runner.cleanup()


@asynccontextmanager
async def asking(runner: web.AppRunner) -> AsyncIterator[tuple[TusClient, ClientSession]]:
    async with ClientSession() as session:
        yield TusClient(session, f"http://127.0.0.1:{runner.addresses[0][1]}/files/"), session


@contextmanager
def listeners(url: str, count: int) -> Iterator[None]:
    """Keep `count` listeners of the upload connected while the block lasts; each has read its first event."""
    with ExitStack() as stack:
        for _ in range(count):
            _listen(stack.enter_context(create_connection(("127.0.0.1", int(url.split("/")[2].split(":")[1])))), url)
        yield


def _listen(connection: socket, url: str) -> None:
    path = url.partition("//")[2].partition("/")[2]
    connection.sendall(f"GET /{path}/events HTTP/1.1\r\nHost: a\r\n{BROWSER}\r\n".encode())
    connection.settimeout(60)
    came = b""
    while b"event: state" not in came or not came.endswith(b"\n\n\r\n"):
        came += connection.recv(65536)


async def test_a_listener_that_waits_takes_little_memory(tmp_path: Path) -> None:
    asyncio.get_running_loop().set_debug(False)  # else each timer keeps the stack that made it
    caps: dict[str, Any] = {"live_max_client_listeners": 2 * COUNT, "max_client_connections": 3 * COUNT}
    async with serving(tmp_path, **caps) as runner, asking(runner) as (client, _):
        url = await client.create(10)
        with ExitStack() as stack:
            await asyncio.to_thread(stack.enter_context, listeners(url, WARM_UP))
            gc.collect()
            tracemalloc.start()
            stack.callback(tracemalloc.stop)
            before, _ = tracemalloc.get_traced_memory()
            await asyncio.to_thread(stack.enter_context, listeners(url, COUNT))
            gc.collect()
            after, _ = tracemalloc.get_traced_memory()
            assert (after - before) / COUNT < MOST


@pytest.mark.parametrize("forgets", [True, False])
async def test_a_listener_counts_until_its_connection_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, forgets: bool
) -> None:
    monkeypatch.setattr(internals, "FORGETS_CONNECTIONS", forgets)
    async with serving(tmp_path, live_max_listeners=1) as runner, asking(runner) as (client, session):
        url, connections = await client.create(10), runner.app[CONTEXT].connections
        async with listening(session, f"{url}/events") as events:
            await events.next()
            await client.patch(url, 0, b"12345")
            assert (await events.expect("progress")).data["offset"] == 5
            assert (await client.get(f"{url}/status")).status == 503
            assert connections.count == 2
        async with asyncio.timeout(30):
            while (await client.get(f"{url}/status")).status != 200:
                pass
        assert connections.count == 1


@pytest.mark.parametrize("forgets", [True, False])
async def test_a_shutdown_sends_the_end_of_the_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, forgets: bool
) -> None:
    monkeypatch.setattr(internals, "FORGETS_CONNECTIONS", forgets)
    async with ClientSession() as session:
        async with serving(tmp_path) as runner:
            client = TusClient(session, f"http://127.0.0.1:{runner.addresses[0][1]}/files/")
            answer = await session.get(f"{await client.create(10)}/events")
            assert (await answer.content.readline()) == b"id: 1\n"
        await answer.read()


async def test_over_tls_it_is_the_same(tmp_path: Path) -> None:
    failures = list[object]()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))
    server, trusting = contexts()
    async with (
        serving(tmp_path, server) as runner,
        ClientSession(connector=TCPConnector(ssl=trusting)) as session,
    ):
        client = TusClient(session, f"https://127.0.0.1:{runner.addresses[0][1]}/files/")
        url = await client.create(10)
        async with listening(session, f"{url}/events") as events:
            await events.next()
            await client.patch(url, 0, b"0123456789")
            assert [event.type for event in await events.remaining()][-2:] == ["state", "end"]
    assert failures == []
