"""Memory for long heads: waited for, and given back once, however a request or its connection ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import cast

import pytest
from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from tests.support.raw import RawConnection, connected
from tests.support.tus import until
from tusd_py.http.connection import heads
from tusd_py.http.connection.connection_limits import Connections
from tusd_py.http.connection.heads import Runner
from tusd_py.http.context import CONTEXT, Context
from tusd_py.transfer.budget import Budget
from tusd_py.transfer.budget_share import Share

LIMIT = 20_000
FREE = 8 * 1024
BEGUN = b"GET / HTTP/1.1\r\nHost: x\r\nX-A: " + b"a" * 10_000
"""The beginning of a head, long enough to need memory of the budget."""
END = b"\r\n\r\n"


class Site:
    """A server with memory for one long head; it answers once `go_on` is set."""

    def __init__(self) -> None:
        self.budget = Budget(1_000_000)
        self.texts = Share(self.budget, 1_000_000 // (2 * LIMIT))
        self.refused = list[str]()
        self.requested, self.go_on = asyncio.Event(), asyncio.Event()
        self.go_on.set()
        self.port = 0
        self.runner: Runner | None = None

    async def stop(self) -> None:
        assert self.runner is not None
        await self.runner.cleanup()

    @property
    def connection(self) -> RequestHandler:
        assert self.runner is not None
        assert self.runner.server is not None
        (connection,) = self.runner.server.connections
        return connection

    async def answered(self, request: web.Request) -> web.Response:
        self.requested.set()
        await self.go_on.wait()
        return web.Response(text=str(len(request.headers["X-A"])))

    async def idle(self) -> bool:
        return (self.texts.used, self.budget.used) == (0, 0)

    async def full(self) -> bool:
        return self.texts.used == 2 * LIMIT

    async def contended(self) -> bool:
        return self.texts._budgets[0].tight


@pytest.fixture
async def site(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    monkeypatch.setattr(heads, "_LINGER", 0.0)
    server, app = Site(), web.Application()
    metrics = SimpleNamespace(failed=server.refused.append, answered=lambda *_: None)
    memory = SimpleNamespace(texts=server.texts)
    app[CONTEXT] = cast("Context", SimpleNamespace(memory=memory, metrics=metrics, connections=Connections()))
    app.router.add_route("*", "/", server.answered)
    runner = Runner(app, LIMIT, max_field_size=10 * LIMIT, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.port, server.runner = runner.addresses[0][1], runner
    yield server
    await server.stop()
    await until(server.idle)


async def begin_head(site: Site, connection: RawConnection) -> None:
    await connection.send(BEGUN)
    await until(site.full)


@asynccontextmanager
async def asking(site: Site) -> AsyncIterator[RawConnection]:
    """Yield a connection whose request, with a long head, is being served until the test sets `site.go_on`."""
    site.go_on.clear()
    async with connected(site.port) as connection:
        await begin_head(site, connection)
        await connection.send(END)
        await site.requested.wait()
        yield connection


async def test_a_long_head_keeps_what_it_takes_until_it_is_answered(site: Site) -> None:
    async with asking(site) as connection:
        assert 2 * 10_000 <= site.texts.used < 2 * LIMIT
        site.go_on.set()
        assert (await connection.answer()).body == b"10000"
        await until(site.idle)


async def test_a_short_head_is_charged_nothing(site: Site) -> None:
    site.go_on.clear()
    async with connected(site.port) as connection:
        await connection.send(BEGUN[:FREE] + END)
        await site.requested.wait()
        assert await site.idle()
        site.go_on.set()
        await connection.answer()


async def test_long_head_waits_for_the_previous_one(site: Site) -> None:
    async with connected(site.port) as first, connected(site.port) as second:
        await begin_head(site, first)
        await second.send(BEGUN)
        await until(site.contended)
        await second.send(END)
        assert await second.silent(0.1)
        await first.send(END)
        assert (await first.answer()).status == 200
        assert (await second.answer()).status == 200
        await until(site.idle)


async def test_waiting_client_that_leaves_frees_memory(site: Site) -> None:
    """If a client leaves while its head waits in the queue for memory, the server notices that only once the head gets
    the memory, as it doesn't read the socket before; then the next client gets the memory."""
    async with connected(site.port) as first, connected(site.port) as second, connected(site.port) as third:
        await begin_head(site, first)
        await second.send(BEGUN)
        await until(site.contended)
        second.reset()
        await third.send(BEGUN)
        await first.send(END)
        assert (await first.answer()).status == 200
        await third.send(END)
        assert (await third.answer()).status == 200
        await until(site.idle)


async def test_a_server_that_stops_while_a_head_waits_gives_all_back(site: Site) -> None:
    async with connected(site.port) as first, connected(site.port) as second:
        await begin_head(site, first)
        await second.send(BEGUN)
        await until(site.contended)
        await site.stop()
        await until(site.idle)


async def test_a_client_that_leaves_within_its_head_gives_all_back(site: Site) -> None:
    async with connected(site.port) as connection:
        await begin_head(site, connection)
        connection.reset()
        await until(site.idle)


async def test_memory_is_released_once_after_the_handler(site: Site) -> None:
    """A client that leaves before its answer frees its head's memory when the handler ends."""
    async with asking(site) as connection:
        connection.reset()
        await asyncio.sleep(0.05)
        assert site.texts.used > 0, "the handler still has the head"
        site.go_on.set()
        await until(site.idle)


async def test_a_slow_head_loses_its_memory_to_another(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heads, "CLAIMED_AFTER", 0.1)
    async with connected(site.port) as slow, connected(site.port) as fast:
        await begin_head(site, slow)
        assert await slow.silent(0.3), "no other client wants it"
        await fast.send(BEGUN)
        answer = await slow.answer()
        assert (answer.status, answer.body.partition(b":")[0]) == (503, b"unavailable")
        assert answer.headers["retry-after"] == "5"
        assert await slow.read_rest() == b""
        await fast.send(END)
        assert (await fast.answer()).status == 200
    assert site.refused == ["unavailable"]


async def test_a_head_that_has_ended_keeps_its_memory(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heads, "CLAIMED_AFTER", 0.1)
    async with asking(site) as connection, connected(site.port) as waiting:
        await waiting.send(BEGUN)
        await asyncio.sleep(0.3)
        site.go_on.set()
        assert (await connection.answer()).status == 200


async def test_a_head_that_ends_as_it_is_claimed_keeps_its_memory(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heads, "CLAIMED_AFTER", 0.0)
    site.go_on.clear()
    async with connected(site.port) as connection, site.texts.hold(0) as other_holding:
        await begin_head(site, connection)
        await asyncio.sleep(0.1)
        waiting = asyncio.create_task(other_holding.acquire(1))
        await asyncio.sleep(0)  # which claims the memory
        site.connection.data_received(END)
        await site.requested.wait()
        await asyncio.sleep(0.05)
        assert [budget._sending for budget in site.texts._budgets] == [0, 0]
        site.go_on.set()
        assert (await connection.answer()).status == 200
        await waiting


async def test_refused_long_head_frees_memory_at_once(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heads, "_LINGER", 1.0)
    async with connected(site.port) as connection:
        await begin_head(site, connection)
        await connection.send(b"a" * LIMIT)
        assert (await connection.answer()).status == 431
        assert await site.idle(), "not only after the connection has lingered"
        assert await connection.read_rest() == b""
    assert site.refused == ["head-too-large"]


async def test_a_head_that_ends_above_the_limit_is_refused(site: Site) -> None:
    """A head that exceeds the limit in the same read as its end is refused with 431 and counted as `head-too-large`."""
    async with connected(site.port) as connection:
        await begin_head(site, connection)
        await connection.send(b"a" * 7000)
        await asyncio.sleep(0.05)
        await connection.send(b"a" * 5000 + END)
        assert (await connection.answer()).status == 431
        assert await connection.read_rest() == b""
    assert site.refused == ["head-too-large"]
