"""WebSockets through each proxy."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import WSMsgType

from tests.proxies.conftest import Way
from tests.support.tus import TusClient

pytestmark = pytest.mark.asyncio(loop_scope="session")
"""A loop that outlives its TLS connections: aiohttp doesn't wait until they are closed."""


@pytest_asyncio.fixture(loop_scope="session")
async def session(watched: Way) -> AsyncIterator[aiohttp.ClientSession]:
    """An HTTP session that trusts the proxy's certificate."""
    connector = aiohttp.TCPConnector(ssl=watched.front.tls())
    async with aiohttp.ClientSession(connector=connector) as session:
        yield session


@pytest.fixture
def client(watched: Way, session: aiohttp.ClientSession) -> TusClient:
    return TusClient(session, watched.url)


async def test_a_silent_socket_is_kept_awake(client: TusClient, session: aiohttp.ClientSession) -> None:
    url = await client.create(10)
    async with session.ws_connect(f"{url}/socket", autoping=False) as socket:
        assert (await socket.receive_json())["action"] == "progress"
        assert (await socket.receive()).type is WSMsgType.PING


async def test_a_running_request_pauses_and_the_upload_is_cancelled(
    client: TusClient, session: aiohttp.ClientSession, watched: Way
) -> None:
    url, before = await client.create(10), await watched.deployment.until_received(0)
    running = asyncio.create_task(client.patch(url, 0, _slow()))
    await watched.deployment.until_received(before + 5)
    async with session.ws_connect(f"{url}/socket") as socket:
        await socket.send_json({"action": "pause", "payload": {}})
        while not (paused := await _payload(socket))["paused"]:
            pass
        assert (paused["bytesUploaded"], await client.offset(url)) == (5, 5)
        assert (await client.patch(url, 5, b"6")).status == 423
        await socket.send_json({"action": "cancel", "payload": {}})
        assert (await _payload(socket))["error"]["code"] == "terminated"
        assert (await socket.receive()).data == aiohttp.WSCloseCode.OK
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_without_an_upgrade_there_is_none(client: TusClient) -> None:
    answer = await client.get(f"{await client.create(10)}/socket")
    assert (answer.status, answer.body.partition(b":")[0]) == (426, b"upgrade-required")


async def _slow() -> AsyncIterator[bytes]:
    yield b"12345"
    await asyncio.sleep(60)


async def _payload(socket: aiohttp.ClientWebSocketResponse) -> Any:
    return (await socket.receive_json())["payload"]
