"""Listeners at one node, and changes at another one, or by a command."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import aiohttp
import pytest

from tests.support.installation import Start, state_setting
from tests.support.live import listening
from tests.support.tus import TusClient


@pytest.fixture(params=["sqlite", "redis"])
def state(request: pytest.FixtureRequest, tmp_path: Path) -> Mapping[str, str]:
    return state_setting(request, tmp_path, request.param)


async def test_changes_at_another_node_are_told(
    start: Start, state: Mapping[str, str], session: aiohttp.ClientSession
) -> None:
    near, far = start(**state), start(**state)
    await asyncio.gather(near.start(), far.start())
    client = TusClient(session, far.url)
    url = await client.create(10)
    listened = url.replace(far.origin, near.origin)
    async with (
        listening(session, f"{listened}/events") as events,
        listening(session, f"{near.origin}/events?since=now") as feed,
        session.ws_connect(f"{listened}/socket") as socket,
    ):
        await events.next()
        await socket.receive_json()
        await client.patch(url, 0, b"12345")
        assert (await events.expect("progress")).data["offset"] == 5
        await socket.receive_json()
        await socket.send_json({"action": "pause"})
        assert (await socket.receive_json())["payload"]["paused"] is True
        assert (await client.patch(url, 5, b"12345")).status == 423
        await socket.send_json({"action": "resume"})
        assert (await socket.receive_json())["payload"]["paused"] is False
        assert (await client.patch(url, 5, b"12345")).status == 204
        assert (await events.expect("end")).data["reason"] == "finished"
        assert (await feed.expect("finished")).data["data"]["upload"]["offset"] == 10


async def test_what_an_operator_ends_is_told(
    start: Start, state: Mapping[str, str], session: aiohttp.ClientSession
) -> None:
    server = start(**state)
    await server.start()
    url = await TusClient(session, server.url).create(10)
    async with listening(session, f"{url}/events") as events:
        await events.next()
        outcome = await server.command("uploads", "terminate", url.rpartition("/")[2])
        assert outcome.code == 0, outcome.err
        assert (await events.expect("end")).data["reason"] == "terminated"


async def test_a_listener_whose_node_dies_goes_on_at_another(
    start: Start, state: Mapping[str, str], session: aiohttp.ClientSession
) -> None:
    near, far = start(**state), start(**state)
    await asyncio.gather(near.start(), far.start())
    client = TusClient(session, far.url)
    url = await client.create(10, b"123")
    async with listening(session, f"{url.replace(far.origin, near.origin)}/events") as events:
        first = await events.next()
        assert first is not None
        await near.kill()
        with pytest.raises(aiohttp.ClientError):
            await events.next()
    await client.patch(url, 3, b"4567890")
    async with listening(session, f"{url}/events", Last_Event_ID=first.id) as events:
        state_, end = await events.remaining()
    assert state_.revision > first.revision
    assert (state_.data["offset"], end.data["reason"]) == (10, "finished")


async def test_a_server_with_several_workers_tells_of_all_changes(
    start: Start, state: Mapping[str, str], session: aiohttp.ClientSession
) -> None:
    server = start(**state, workers=2)
    await server.start()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as second_session:
        client = TusClient(second_session, server.url)
        url = await client.create(10)
        async with listening(session, f"{url}/events") as first, listening(second_session, f"{url}/events") as second:
            for offset in range(10):
                await client.patch(url, offset, b"x")
            for events in (first, second):
                assert (await events.expect("end")).data["offset"] == 10
