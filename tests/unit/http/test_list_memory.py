"""Bodies of requests that are lists, as of an upload's parts: neither a slow client nor bytes that never come keep the
memory for long lists from other clients, and a body of any length that comes too slowly is given up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import cast

import pytest
from aiohttp import web

from tests.support.raw import RawConnection, connected
from tests.support.tus import PATIENCE, until
from tusd_py.domain.refusals import ServiceUnavailable
from tusd_py.http.connection.early_close import close_silently
from tusd_py.http.context import Context
from tusd_py.http.handlers import direct
from tusd_py.http.handlers.direct import read_body, with_memory
from tusd_py.protocol.companion import MEMORY_FACTOR
from tusd_py.transfer.budget import Budget
from tusd_py.transfer.budget_share import Share

SIZE = 20_000
HEAD = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % SIZE
BODY = b"a" * SIZE


class Site:
    """A server with memory for one list of `SIZE` bytes. It answers a list with the number of bytes that are taken from
    the memory budget, or with 503 if memory is short."""

    def __init__(self) -> None:
        self.budget = Budget(100 * MEMORY_FACTOR * SIZE)
        self.texts = Share(self.budget, 100)
        memory = SimpleNamespace(texts=self.texts)
        self.context = SimpleNamespace(memory=memory, network_timeout=9.0, min_data_rate=0)
        self.port = 0

    async def answered(self, request: web.Request) -> web.StreamResponse:
        try:
            return await with_memory(self._read)(request, cast("Context", self.context))
        except ConnectionResetError:
            return close_silently(request)
        except ServiceUnavailable:
            return web.Response(status=503)

    async def full(self) -> bool:
        return self.texts.used == MEMORY_FACTOR * SIZE

    async def idle(self) -> bool:
        return (self.texts.used, self.budget.used) == (0, 0)

    async def _read(self, request: web.Request, context: Context) -> web.StreamResponse:
        await read_body(request, context)
        return web.Response(text=str(self.budget.used))


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    server, app = Site(), web.Application()
    app.router.add_post("/", server.answered)
    runner = web.AppRunner(app, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.port = runner.addresses[0][1]
    yield server
    await runner.cleanup()
    await until(server.idle)


async def begin_list(site: Site, connection: RawConnection) -> None:
    await connection.send(HEAD + BODY[:100])
    await until(site.full)


async def test_a_list_is_charged_as_its_bytes_arrive(site: Site) -> None:
    async with connected(site.port) as connection:
        await begin_list(site, connection)
        assert site.budget.used <= 200
        await connection.send(BODY[100:])
        assert (await connection.answer()).body == b"%d" % (MEMORY_FACTOR * SIZE)


async def test_a_slow_list_loses_its_memory_to_another(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(direct, "CLAIMED_AFTER", 0.1)
    async with connected(site.port) as slow, connected(site.port) as fast:
        await begin_list(site, slow)
        assert await slow.silent(0.3), "no other client wants it"
        await fast.send(HEAD + BODY)
        assert (await fast.answer()).status == 200
        assert (await slow.answer()).status == 503


async def test_a_list_may_arrive_in_longer_than_its_longest_pause(site: Site) -> None:
    site.context.network_timeout = 1.6
    async with connected(site.port) as connection:
        await begin_list(site, connection)
        for begin in range(100, SIZE, 3_500):  # six pauses
            await asyncio.sleep(0.3)
            await connection.send(BODY[begin : begin + 3_500])
        assert (await connection.answer()).status == 200


async def test_a_wait_for_memory_is_no_pause_of_the_client(site: Site) -> None:
    site.context.network_timeout = 0.2
    upload = site.budget.account(lambda: None)
    await upload.acquire(site.budget.limit)
    async with connected(site.port) as connection:
        await begin_list(site, connection)
        await connection.send(BODY[100:])
        assert await connection.silent(0.5)
        upload.close()
        assert (await connection.answer()).status == 200


async def test_a_list_that_pauses_for_too_long_is_given_up(site: Site) -> None:
    site.context.network_timeout = 0.2
    async with connected(site.port) as connection:
        await begin_list(site, connection)
        assert await connection.read_rest() == b""


class Clock:
    """A clock that is set by hand, and counts how often it is read: once before each wait for bytes, and once after
    each that brings some."""

    def __init__(self) -> None:
        self.seconds, self.readings = 0.0, 0

    def __call__(self) -> float:
        self.readings += 1
        return self.seconds

    async def was_read(self, count: int) -> bool:
        return self.readings == count


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(direct, "monotonic", clock)
    return clock


@asynccontextmanager
async def slow_body(site: Site, clock: Clock, size: int) -> AsyncIterator[RawConnection]:
    """Yield the connection of a client that has sent the head of a body of `size` bytes, its first 100 bytes at once,
    and 10 more after 12 s by `clock`."""
    async with connected(site.port) as connection:
        await connection.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size + BODY[:100])
        await until(lambda: clock.was_read(3))
        clock.seconds += 12
        await connection.send(BODY[:10])
        yield connection


@pytest.mark.parametrize("size", [1000, SIZE])
async def test_a_body_below_the_least_rate_is_given_up(site: Site, clock: Clock, size: int) -> None:
    site.context.min_data_rate, site.context.network_timeout = 10, 2 * PATIENCE
    async with slow_body(site, clock, size) as connection:
        assert await connection.read_rest() == b""


@pytest.mark.parametrize("size", [1000, SIZE])
@pytest.mark.parametrize("least_rate", [0, 9])
async def test_a_body_that_keeps_pace_is_waited_for(site: Site, clock: Clock, size: int, least_rate: int) -> None:
    site.context.min_data_rate = least_rate
    async with slow_body(site, clock, size) as connection:
        await until(lambda: clock.was_read(5))
        await connection.send(BODY[110:size])
        assert (await connection.answer()).status == 200


async def test_a_slow_body_whose_end_has_come_is_read(site: Site, clock: Clock) -> None:
    site.context.min_data_rate = 10
    async with slow_body(site, clock, 110) as connection:
        assert (await connection.answer()).status == 200


async def test_a_list_that_arrives_at_once_keeps_its_memory(site: Site) -> None:
    async with connected(site.port) as first, connected(site.port) as second:
        await begin_list(site, first)
        await second.send(HEAD + BODY)
        await asyncio.sleep(0.1)
        await first.send(BODY[100:])
        assert [(await connection.answer()).status for connection in (first, second)] == [200, 200]
