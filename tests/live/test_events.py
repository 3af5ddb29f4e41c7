"""Events of one upload, from a running server with each state."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.support.installation import Start
from tests.support.live import Events, listening
from tests.support.server import Server
from tests.support.tus import TusClient

UNKNOWN = "0" * 32


async def test_a_listener_is_told_all_from_the_first_state_to_the_end(
    client: TusClient, session: aiohttp.ClientSession
) -> None:
    url = await client.create(10, upload_metadata="filename YQ==")
    async with listening(session, f"{url}/events") as events:
        state = await events.next()
        assert state is not None
        assert (state.type, state.id, state.data["offset"], state.data["jobs"]) == ("state", "1", 0, [])
        assert (state.data["url"], state.data["metadata"], state.data["phase"]) == (url, {"filename": "a"}, "open")
        await client.patch(url, 0, b"12345")
        progress = await events.expect("progress")
        assert progress.data == {"offset": 5, "length": 10, "received": 5}
        await client.patch(url, 5, b"12345")
        *_, last, end = await events.remaining()
    assert (last.type, last.data["phase"], last.data["offset"], last.data["end"]) == ("state", "done", 10, "finished")
    assert (end.type, end.id) == ("end", f"{last.id}.end")
    assert end.data == {"reason": "finished", "offset": 10, "length": 10, "revision": last.data["revision"]}


async def test_the_answer_is_not_held_back_by_caches_and_proxies(
    client: TusClient, session: aiohttp.ClientSession
) -> None:
    url = await client.create(10)
    async with listening(session, f"{url}/events", Origin="https://page.example") as events:
        headers = events.answer.headers
        assert headers["Content-Type"] == "text/event-stream"
        assert (headers["Cache-Control"], headers["X-Accel-Buffering"]) == ("no-cache", "no")
        assert "Content-Encoding" not in headers
        assert headers["Access-Control-Allow-Origin"] == "https://page.example"


@pytest.mark.parametrize("finished", [False, True])
async def test_a_late_listener_is_told_the_end(
    client: TusClient, session: aiohttp.ClientSession, *, finished: bool
) -> None:
    url = await client.create(3, b"abc" if finished else b"")
    async with listening(session, f"{url}/events") as events:
        if not finished:
            await client.patch(url, 0, b"abc")
        assert (await events.expect("end")).data["reason"] == "finished"
    async with listening(session, f"{url}/events", Last_Event_ID="1") as events:
        assert [event.type for event in await events.remaining()] == ["state", "end"]


async def test_after_the_end_there_is_nothing_to_come_back_for(
    client: TusClient, session: aiohttp.ClientSession
) -> None:
    url = await client.create(3, b"abc")
    async with listening(session, f"{url}/events") as events:
        end = await events.expect("end")
    for how in ({"headers": {"Last-Event-ID": end.id}}, {"params": {"last-event-id": end.id}}):
        async with session.get(f"{url}/events", **how) as answer:  # type: ignore[arg-type]
            assert (answer.status, await answer.read()) == (204, b"")


async def test_a_reconnecting_client_learns_of_the_end(client: TusClient, session: aiohttp.ClientSession) -> None:
    """After an upload was terminated, a client that reconnects with Last-Event-ID gets the end alone; a client without
    it gets 404."""
    url = await client.create(10, b"abc")
    async with listening(session, f"{url}/events") as events:
        await events.next()
        await client.request("DELETE", url)
        *_, state, end = await events.remaining()
    assert (state.type, state.data["phase"], state.data["end"]) == ("state", "gone", "terminated")
    assert (end.type, end.data["reason"], end.data["offset"]) == ("end", "terminated", 3)
    async with listening(session, f"{url}/events", Last_Event_ID="1") as events:
        assert await events.remaining() == [end]
    assert (await client.get(f"{url}/events")).status == 404


async def test_an_upload_that_expires_is_told_as_expired(start: Start, session: aiohttp.ClientSession) -> None:
    server = start(expire_after="2s")
    await server.start()
    url = await TusClient(session, server.url).create(10)
    async with listening(session, f"{url}/events") as events:
        assert (await events.expect("end")).data["reason"] == "expired"


async def test_other_methods_and_unknown_uploads_are_refused(client: TusClient) -> None:
    url = await client.create(10)
    refused = await client.request("POST", f"{url}/events")
    assert (refused.status, refused.headers["Allow"]) == (405, "GET, OPTIONS")
    for name in (UNKNOWN, "a/b", UNKNOWN[:-1] + "%30"):
        answer = await client.get(f"{client.url}{name}/events")
        assert (answer.status, answer.body) == (404, b"not-found: there is no such upload\n")


async def test_preflights_allow_last_event_id(client: TusClient) -> None:
    request_headers = {"Origin": "https://a.example", "Access-Control-Request-Method": "GET"}
    answer = await client.send("OPTIONS", f"{client.url}{UNKNOWN}/events", None, request_headers)
    assert answer.status == 204
    assert "Last-Event-ID" in answer.headers["Access-Control-Allow-Headers"]


async def test_progress_is_told_once_a_second_at_most(client: TusClient, session: aiohttp.ClientSession) -> None:
    url = await client.create(40)
    async with listening(session, f"{url}/events") as events:
        for offset in range(0, 40, 2):
            await client.patch(url, offset, b"ab")
        all_events = await events.remaining()
    offsets = [event.data["offset"] for event in all_events if event.type in {"state", "progress"}]
    assert offsets == sorted(offsets)
    assert [event.revision for event in all_events] == sorted(event.revision for event in all_events)
    assert len([event for event in all_events if event.type == "progress"]) < 20


async def test_what_is_switched_off_is_not_there(start: Start, session: aiohttp.ClientSession) -> None:
    server = start(live=False)
    await server.start()
    client = TusClient(session, server.url)
    url = await client.create(10)
    for path in (f"{url}/events", f"{url}/status", f"{url}/socket", f"{server.origin}/events"):
        answer = await client.get(path)
        assert (answer.status, answer.body) == (404, b"not-found: there is no such upload\n"), path


async def test_listeners_are_kept_awake(start: Start, session: aiohttp.ClientSession) -> None:
    server = start(live_heartbeat="100ms")
    await server.start()
    url = await TusClient(session, server.url).create(10)
    async with session.get(f"{url}/events") as answer:
        events = Events(answer)
        await events.next()
        while (await answer.content.readline()) != b": ping\n":
            pass


async def test_a_shutdown_ends_the_events_at_once(
    server: Server, client: TusClient, session: aiohttp.ClientSession
) -> None:
    url = await client.create(10)
    async with listening(session, f"{url}/events") as events:
        await events.next()
        stopping = asyncio.create_task(server.stop())
        assert await events.remaining() == []
        assert await stopping == 0


async def test_what_has_come_is_told_before_it_is_durable(start: Start, session: aiohttp.ClientSession) -> None:
    server = start()
    await server.start()
    client = TusClient(session, server.url)
    step, count = 12 * 2**20, 20
    url, demand, sent_bytes = await client.create(count * step), asyncio.Event(), 0

    async def slow() -> AsyncIterator[bytes]:
        nonlocal sent_bytes
        while True:
            sent_bytes += step
            yield bytes(step)
            await demand.wait()
            demand.clear()

    async with listening(session, f"{url}/events") as events:
        running = asyncio.create_task(client.patch(url, 0, slow(), content_length=count * step))
        progress = await events.expect("progress")
        while progress.data["offset"] == progress.data["received"]:  # on a busy machine nothing came meanwhile
            demand.set()
            progress = await events.expect("progress")
        assert 0 < progress.data["offset"] < progress.data["received"] <= sent_bytes < count * step
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
