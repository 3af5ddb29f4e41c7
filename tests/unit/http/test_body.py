"""A request body on a real connection, down to the last byte that reached the process."""

from __future__ import annotations

import asyncio
import errno
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from tests.support.raw import RawConnection, chunked, connected
from tusd_py.http.connection import socket_reader
from tusd_py.http.connection.body import RequestBody, expect
from tusd_py.http.connection.socket_reader import SocketReader
from tusd_py.http.connection.sources import Stream
from tusd_py.ports.body import BodyEnd
from tusd_py.transfer.budget import Budget
from tusd_py.transfer.slabs import Slabs

HEAD = b"PATCH /x HTTP/1.1\r\nHost: 127.0.0.1\r\n"


@pytest.fixture(autouse=True, params=[1, sys.maxsize], ids=["into slabs", "by aiohttp"])
def least_bytes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Return the least size, in bytes still to come, of a body that is read into slabs. Each test runs twice: with 1,
    and with `sys.maxsize`, so that aiohttp reads all bodies."""
    monkeypatch.setattr(socket_reader, "_LEAST", request.param)
    return int(request.param)


class Site:
    """A server that reads one body; `outcome` becomes the bytes that were read, and how the body ended."""

    def __init__(self, *, idle: float = 30.0, room: int | None = None, min_rate: float = 0) -> None:
        self._idle, self._room, self._least_rate = idle, room, min_rate
        self.body: RequestBody | None = None
        self.begin, self.arrived = asyncio.Event(), asyncio.Event()
        self.begin.set()
        self.outcome: asyncio.Future[tuple[bytes, BodyEnd]] = asyncio.get_running_loop().create_future()

    async def handle(self, request: web.Request) -> web.Response:
        self.body, data = RequestBody(request, Slabs(Budget(0)), self._idle, self._least_rate), b""
        self.arrived.set()
        await self.begin.wait()
        async for chunk in self.body.chunks(self._room):
            data += chunk
            self.arrived.set()
        self.outcome.set_result((data, self.body.end))
        return web.Response()

    @property
    def waiting(self) -> bool:
        match self.body and self.body._source:
            case SocketReader() as source:
                return source._waiting.active
            case Stream() as source:
                return source._waiting is not None
        return False

    @property
    def received(self) -> int:
        """The number of the body's bytes that have reached the process, for a body of 100 bytes or one that aiohttp
        reads; 0 before the request."""
        if self.body is None:
            return 0
        source = self.body._source
        return 100 - source._remaining if isinstance(source, SocketReader) else self.body._request.content.total_bytes

    @property
    def broken(self) -> bool:
        return self.body is not None and self.body._request.content.exception() is not None

    def stop(self) -> None:
        assert self.body is not None
        self.body.stop()

    def bring(self, data: bytes) -> None:
        """Hand bytes to the reader of the body or, if aiohttp reads it, to aiohttp's stream, as if they had just
        arrived."""
        assert self.body is not None
        if isinstance(source := self.body._source, SocketReader):
            source.get_buffer(-1)[: len(data)] = data
            source.buffer_updated(len(data))
        else:
            self.body._request.content.feed_data(data)

    @asynccontextmanager
    async def sending(self, data: bytes, framing: bytes = b"Content-Length: 100\r\n") -> AsyncIterator[RawConnection]:
        """Yield a client that has sent a PATCH, with the fields `framing`, and `data` to a new server. As in
        production, the server leaves bodies compressed and doesn't cancel the handler of a client that has left."""
        app = web.Application()
        app.router.add_route("*", "/x", self.handle, expect_handler=expect)
        runner = web.AppRunner(app, handler_cancellation=False, auto_decompress=False, shutdown_timeout=1.0)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            async with connected(runner.addresses[0][1]) as client:
                await client.send(HEAD + framing + b"\r\n" + data)
                yield client
        finally:
            await runner.cleanup()


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 (aiohttp has no event for what is waited for here)
        await asyncio.sleep(0)


async def test_a_body_that_is_all_there_is_complete() -> None:
    site = Site()
    async with site.sending(b"x" * 100):
        assert await site.outcome == (b"x" * 100, BodyEnd.COMPLETE)


@pytest.mark.parametrize("leave", [RawConnection.finish, RawConnection.reset])
async def test_a_client_that_goes_away_leaves_all_that_arrived(leave: Callable[[RawConnection], None]) -> None:
    site = Site()
    async with site.sending(b"abc") as client:
        await site.arrived.wait()
        leave(client)
        assert await site.outcome == (b"abc", BodyEnd.CUT)


@pytest.mark.parametrize("number", [errno.EHOSTUNREACH, errno.ECONNRESET])
async def test_an_error_of_the_socket_leaves_all_that_arrived(number: int) -> None:
    """A body whose connection fails ends CUT with the bytes that arrived, also for an error of the system that is no
    ConnectionError in Python."""
    site = Site()
    async with site.sending(b"abc"):
        await site.arrived.wait()
        await until(lambda: site.waiting)
        transport: Any = site.body and site.body._request.transport
        transport._fatal_error(OSError(number, "as told"))
        assert await site.outcome == (b"abc", BodyEnd.CUT)


async def test_unread_bytes_survive_a_disconnect() -> None:
    """A body that is first read after its client has left gives the bytes that arrived, and ends CUT."""
    site = Site()
    site.begin.clear()
    async with site.sending(b"abc") as client:
        await site.arrived.wait()
        client.finish()
        await until(lambda: site.broken)
        site.begin.set()
        assert await site.outcome == (b"abc", BodyEnd.CUT)


async def test_a_silent_client_is_idle() -> None:
    site = Site(idle=0.05)
    async with site.sending(b"abc"):
        assert await site.outcome == (b"abc", BodyEnd.IDLE)


async def test_waiting_body_stops_once() -> None:
    """A body that is stopped while it waits for bytes ends STOPPED with those that arrived; a second stop changes
    nothing."""
    site = Site()
    async with site.sending(b"abc"):
        await until(lambda: site.waiting and site.received == 3)
        site.stop()
        await asyncio.sleep(0)
        site.stop()
        assert await site.outcome == (b"abc", BodyEnd.STOPPED)


async def test_what_arrives_in_the_moment_of_the_stop_is_kept() -> None:
    site = Site()
    async with site.sending(b""):
        await until(lambda: site.waiting)
        assert site.body is not None
        site.bring(b"abc")
        site.stop()
        assert await site.outcome == (b"abc", BodyEnd.STOPPED)


async def test_body_stopped_before_reading_returns_its_bytes() -> None:
    site = Site()
    site.begin.clear()
    async with site.sending(b"abc"):
        await until(lambda: site.received == 3)
        site.stop()
        site.begin.set()
        assert await site.outcome == (b"abc", BodyEnd.STOPPED)


async def test_a_body_without_a_byte_that_is_stopped_is_complete() -> None:
    site = Site()
    site.begin.clear()
    async with site.sending(b"", b"Content-Length: 0\r\n"):
        await site.arrived.wait()
        site.stop()
        site.begin.set()
        assert await site.outcome == (b"", BodyEnd.COMPLETE)


@asynccontextmanager
async def paced(data: bytes, *, byte_count: int, waited: float) -> AsyncIterator[tuple[Site, RawConnection]]:
    """Yield a server that demands 100 bytes a second, and its client, which has sent `data`. Before it reads them, the
    server counts `byte_count` bytes of the body as received, and `waited` seconds as waited for them."""
    site = Site(min_rate=100)
    site.begin.clear()
    async with site.sending(data) as client:
        await until(lambda: site.received == len(data))
        assert site.body is not None
        site.body._received, site.body._waited = byte_count, waited
        site.begin.set()
        yield site, client


async def test_slow_body_ends_with_arrived_bytes() -> None:
    async with paced(b"abc", byte_count=1000, waited=11) as (site, _):
        assert await site.outcome == (b"abc", BodyEnd.IDLE)


async def test_a_slow_body_that_is_all_there_is_complete() -> None:
    async with paced(b"x" * 100, byte_count=900, waited=11) as (site, _):
        assert await site.outcome == (b"x" * 100, BodyEnd.COMPLETE)


@pytest.mark.parametrize(("byte_count", "waited"), [(0, 9.9), (1100, 11)])
async def test_a_body_is_waited_for_if_it_keeps_pace_or_has_just_begun(byte_count: int, waited: float) -> None:
    async with paced(b"abc", byte_count=byte_count, waited=waited) as (site, client):
        await until(lambda: site.waiting)
        await client.send(b"x" * 97)
        assert await site.outcome == (b"abc" + b"x" * 97, BodyEnd.COMPLETE)


@pytest.mark.parametrize(("room", "end"), [(6, BodyEnd.COMPLETE), (5, BodyEnd.TOO_LONG), (0, BodyEnd.TOO_LONG)])
async def test_a_chunked_body_gets_no_more_than_its_room(room: int, end: BodyEnd) -> None:
    site = Site(room=room)
    async with site.sending(chunked(b"abc", b"def"), b"Transfer-Encoding: chunked\r\n"):
        data, ended = await site.outcome
    assert ended is end
    assert len(data) <= room


async def test_100_continue_waits_for_the_first_read() -> None:
    site = Site()
    site.begin.clear()
    async with site.sending(b"", b"Content-Length: 3\r\nExpect: 100-continue\r\n") as client:
        await site.arrived.wait()
        first = asyncio.create_task(client.answer())
        await asyncio.sleep(0.05)
        assert not first.done()
        site.begin.set()
        assert (await first).status == 100
        await client.send(b"abc")
        assert (await client.answer()).status == 200
        assert await site.outcome == (b"abc", BodyEnd.COMPLETE)


async def test_any_other_expectation_is_refused() -> None:
    async with Site().sending(b"", b"Content-Length: 3\r\nExpect: a-miracle\r\n") as client:
        assert (await client.answer()).status == 417
