"""The feed of all events."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import aiohttp
import pytest

from tests.support.installation import Start
from tests.support.live import Events, lines, listening
from tests.support.server import Server
from tests.support.tus import TusClient

NDJSON = {"Accept": "application/x-ndjson"}


@pytest.fixture
async def urls(client: TusClient) -> Sequence[str]:
    """Two finished uploads, then one that was terminated."""
    urls = [await client.create(3, b"abc"), await client.create(3, b"abc"), await client.create(10)]
    await client.request("DELETE", urls[-1])
    return urls


async def read(session: aiohttp.ClientSession, server: Server, query: str = "") -> tuple[Sequence[Any], Any]:
    """Return the events of a feed in NDJSON, and its end, as parsed JSON."""
    async with session.get(f"{server.origin}/events{query}", headers=NDJSON) as answer:
        assert answer.headers["Content-Type"] == "application/x-ndjson"
        *events, end = await lines(answer)
    return events, end["end"]


async def test_lines_are_asked_for_on_any_line_of_accept(server: Server, session: aiohttp.ClientSession) -> None:
    accepted = [("Accept", "text/plain;q=0.1"), *NDJSON.items()]
    async with session.get(f"{server.origin}/events", headers=accepted) as answer:
        assert answer.headers["Content-Type"] == NDJSON["Accept"]


async def test_all_events_are_told_in_order(
    server: Server, session: aiohttp.ClientSession, urls: Sequence[str]
) -> None:
    events, end = await read(session, server)
    words = [event["type"].split(".")[2] for event in events]
    assert words == ["created", "finished", "created", "finished", "created", "terminated"]
    assert [int(event["sequence"]) for event in events] == [1, 2, 3, 4, 5, 6]
    assert end == {"cursor": "6", "count": 6}
    assert [event["data"]["reason"] for event in events] == [None] * 5 + ["client"]
    assert events[-1]["subject"] == urls[-1].rpartition("/")[2]


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (["text/event-stream", "application/x-ndjson;q=0"], "text/event-stream"),
        (["text/event-stream;q=0.5, application/x-ndjson;q=0.1"], "text/event-stream"),
        (["text/event-stream;q=0.5", "Application/X-NDJSON"], "application/x-ndjson"),
        (["*/*"], "text/event-stream"),
    ],
)
async def test_the_preferred_format_is_told(
    server: Server, session: aiohttp.ClientSession, accept: Sequence[str], kind: str
) -> None:
    headers = [("Accept", line) for line in accept]
    async with session.get(f"{server.origin}/events", headers=headers) as answer:
        assert answer.headers["Content-Type"] == kind


@pytest.mark.usefixtures("urls")
async def test_a_reader_goes_on_from_its_cursor(server: Server, session: aiohttp.ClientSession) -> None:
    events, end = await read(session, server, "?since=4")
    assert ([int(event["sequence"]) for event in events], end) == ([5, 6], {"cursor": "6", "count": 2})
    assert await read(session, server, "?since=6") == ([], {"cursor": "6", "count": 0})
    events, end = await read(session, server, "?types=finished,lost")
    assert ([int(event["sequence"]) for event in events], end) == ([2, 4], {"cursor": "4", "count": 2})
    assert await read(session, server, "?types=nothing") == ([], {"cursor": "0", "count": 0})


@pytest.mark.usefixtures("urls")
async def test_events_are_told_as_they_happen(
    server: Server, session: aiohttp.ClientSession, client: TusClient
) -> None:
    async with listening(session, f"{server.origin}/events?since=4", Last_Event_ID="5") as events:
        event = await events.next()
        assert event is not None
        assert (event.type, event.id, event.data["sequence"]) == ("terminated", "6", f"{6:020}")
        await client.create(3, b"abc")
        assert [(await events.expect(word)).id for word in ("created", "finished")] == ["7", "8"]
    async with session.get(f"{server.origin}/events?format=ndjson&since=now&follow=1") as answer:
        await client.create(10)
        async with asyncio.timeout(30):
            assert b'"tusdpy.upload.created.v1"' in await answer.content.readline()


async def test_a_reader_of_the_feed_is_kept_awake(session: aiohttp.ClientSession, start: Start) -> None:
    server = start(live_heartbeat="100ms")
    await server.start()
    async with session.get(f"{server.origin}/events?format=ndjson&follow=1") as answer:
        assert await answer.content.readline() == b"\n"
    async with session.get(f"{server.origin}/events") as answer:
        stream = Events(answer)
        while not stream.comments:
            line = await answer.content.readline()
            stream.comments += line.startswith(b":")


@pytest.mark.parametrize("query", ["since=x", "since=-1", "format=csv", "follow=2&format=ndjson", "since=" + "1" * 19])
async def test_what_cannot_be_read_is_refused(server: Server, session: aiohttp.ClientSession, query: str) -> None:
    async with session.get(f"{server.origin}/events?{query}") as answer:
        assert (answer.status, (await answer.text()).partition(":")[0]) == (400, "bad-query")


async def test_the_feed_is_only_read(server: Server, session: aiohttp.ClientSession) -> None:
    async with session.post(f"{server.origin}/events") as answer:
        assert (answer.status, answer.headers["Allow"]) == (405, "GET, OPTIONS")
