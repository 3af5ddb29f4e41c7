"""A feed that is cut by an error of the state, as a client sees it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.support.live import read_lines
from tests.support.tus import TusClient
from tusd_py import create_app
from tusd_py.backends.memory.state import MemoryState
from tusd_py.config import load_settings
from tusd_py.domain.errors import StateUnavailable
from tusd_py.domain.events import EventType
from tusd_py.domain.thresholds import DEFAULT, Thresholds
from tusd_py.http.context import CONTEXT
from tusd_py.ports.outbox import FEED, StoredEvent, Subscription

PAGE = 2


class BreakingState(MemoryState):
    """A state that raises StateUnavailable for each page of events but those that begin with the first event."""

    def __init__(self) -> None:
        super().__init__()
        self._events, self.outbox.events = self.outbox.events, self._break  # type: ignore[method-assign]

    async def _break(self, since: int, limit: int, size: int = DEFAULT.page_size) -> Sequence[StoredEvent]:
        if since:
            raise StateUnavailable("as told")
        return await self._events(since, limit, size)


@pytest.fixture
async def origin(tmp_path: Path) -> AsyncIterator[str]:
    settings = {"state": "memory:", "storage": f"file:{tmp_path}", "live": "on"}
    app, state = create_app(load_settings(settings, None, {})), BreakingState()
    await state.outbox.register([Subscription(name="live", format=FEED, types=frozenset(EventType))])

    async def share(app: web.Application) -> None:
        context = app[CONTEXT]
        engine = replace(context.engine, state=state, thresholds=Thresholds(event_page=PAGE))
        app[CONTEXT] = replace(context, engine=engine)

    app.on_startup.append(share)
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/")


async def test_lines_that_break_off_say_where(origin: str) -> None:
    lines = list[str]()
    async with aiohttp.ClientSession() as session:
        client = TusClient(session, f"{origin}/files/")
        for _ in range(PAGE + 1):
            await client.create(10)
        with pytest.raises(aiohttp.ClientPayloadError):
            await read_lines(session, f"{origin}/events?format=ndjson", lines)
    *events, fault = map(json.loads, lines)
    assert [int(event["sequence"]) for event in events] == [1, 2]
    assert fault == {"error": {"code": "unavailable", "cursor": "2"}}
