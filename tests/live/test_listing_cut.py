"""A list that is cut by an error of the state, as clients see it; and clients that stop reading."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.support.live import read_lines
from tests.support.tus import until
from tests.support.uploads import upload
from tusd_py import create_app
from tusd_py.backends.memory.state import MemoryState
from tusd_py.config import load_settings
from tusd_py.domain.errors import StateUnavailable
from tusd_py.http.connection.body_stream import BodyStream
from tusd_py.http.context import CONTEXT
from tusd_py.ports.state import Numbered

ROWS = 1200


class BreakingState(MemoryState):
    """A state that raises StateUnavailable once: when page number `breaks_at` is read, counted from 1 over all pages of
    uploads read since its start; 0 for never."""

    pages = 0
    breaks_at = 3

    async def changed(self, since: int, limit: int) -> Sequence[Numbered]:
        self.pages += 1
        if self.pages == self.breaks_at:
            raise StateUnavailable("as told")
        return await super().changed(since, limit)


@pytest.fixture
def row_bytes() -> int:
    return 300


@pytest.fixture
async def state(row_bytes: int) -> BreakingState:
    state = BreakingState()
    for number in range(ROWS):
        await state.create(upload(number, metadata={"filename": b"x" * row_bytes}))
    return state


@pytest.fixture
def network_timeout() -> str:
    return "60s"


@pytest.fixture
async def server(state: BreakingState, tmp_path: Path, network_timeout: str) -> AsyncIterator[TestServer]:
    settings = {"state": "memory:", "storage": f"file:{tmp_path}", "listing": "on", "network_timeout": network_timeout}
    app = create_app(load_settings(settings, None, {}))

    async def share(app: web.Application) -> None:
        context = app[CONTEXT]
        app[CONTEXT] = replace(context, engine=replace(context.engine, state=state))

    app.on_startup.append(share)
    server = TestServer(app)
    async with server:
        yield server


@pytest.fixture
async def origin(server: TestServer) -> str:
    return str(server.make_url("")).rstrip("/")


async def curl(*arguments: str) -> tuple[int, bytes]:
    process = await asyncio.create_subprocess_exec("curl", "-sS", *arguments, stdout=-1, stderr=-3)
    out, _ = await process.communicate()
    return await process.wait(), out


@pytest.mark.parametrize("form", ["ndjson", "csv", "json"])
async def test_curl_sees_the_cut(origin: str, state: BreakingState, form: str) -> None:
    state.breaks_at = 2
    code, out = await curl(f"{origin}/uploads?format={form}")
    assert code == 18  # "Partial file"
    assert not out.endswith(b"\r\n\r\n")
    if form == "ndjson":
        rows = [json.loads(line) for line in out.splitlines()]
        assert rows[-1] == {"error": {"code": "unavailable", "cursor": str(rows[-2]["seq"])}}
        assert len(rows) == 501


async def test_python_sees_the_cut_and_goes_on_from_the_cursor(origin: str) -> None:
    lines = list[str]()
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientPayloadError):
            await read_lines(session, f"{origin}/uploads", lines)
        cursor = json.loads(lines.pop())["error"]["cursor"]
        async with session.get(f"{origin}/uploads?since={cursor}") as answer:
            *further, end = (await answer.text()).splitlines()
    assert len(lines) + len(further) == ROWS
    assert json.loads(end)["end"]["count"] == len(further)


async def test_trouble_before_the_first_byte_is_a_refusal(origin: str, state: BreakingState) -> None:
    state.breaks_at = 1
    async with aiohttp.ClientSession() as session, session.get(f"{origin}/uploads") as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
        assert (await answer.text()).startswith("unavailable: ")


@asynccontextmanager
async def slow_reader(origin: str) -> AsyncIterator[asyncio.StreamReader]:
    """Yield the reader of a GET /uploads whose client buffers only a few KiB of the answer."""
    with socket.socket() as plain:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        plain.connect(("127.0.0.1", int(origin.rpartition(":")[2])))
        reader, writer = await asyncio.open_connection(sock=plain, limit=4096)
        writer.write(b"GET /uploads HTTP/1.0\r\nHost: localhost\r\n\r\n")
        yield reader
        writer.close()


FAT = pytest.mark.parametrize("row_bytes", [30_000])
"""Rows so large that the buffers of the system can't hold a page of them."""


@pytest.fixture
def stalled(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Return an event that is set once the server first waits for a client to take what was sent: because the client
    has not taken a piece of the list within half a second, or after a page of the list that isn't the last."""
    noticed, drained = asyncio.Event(), BodyStream.drained

    async def wait_for_client(body: BodyStream) -> None:
        noticed.set()
        await drained(body)

    monkeypatch.setattr(BodyStream, "drained", wait_for_client)
    return noticed


@FAT
async def test_a_client_that_stops_reading_for_a_while_gets_all(
    origin: str, state: BreakingState, stalled: asyncio.Event
) -> None:
    state.breaks_at = 0
    async with slow_reader(origin) as reader:
        await stalled.wait()
        body = (await reader.read(-1)).partition(b"\r\n\r\n")[2]
    rows = [json.loads(line) for line in body.splitlines()]
    assert [row["id"] for row in rows[:-1]] == [f"{number:032x}" for number in range(ROWS)]
    assert rows[-1]["end"]["count"] == ROWS
    assert state.pages > 1 + ROWS // 500  # a page was read again


@FAT
@pytest.mark.parametrize("network_timeout", ["2s"])
async def test_a_client_that_takes_nothing_is_cut_off(server: TestServer, origin: str, state: BreakingState) -> None:
    state.breaks_at = 0

    async def cut_off() -> bool:
        return state.pages > 0 and not server.handler.connections

    async with slow_reader(origin) as reader:
        await until(cut_off)
        body = await reader.read(-1)
    assert b'{"end":' not in body
    assert state.pages == 1
