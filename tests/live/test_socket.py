"""The WebSocket of one upload, with the messages of Uppy's Companion."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import WSMsgType

from tests.support.installation import Start
from tests.support.raw import connected
from tests.support.server import Server
from tests.support.tus import TusClient

Socket = aiohttp.ClientWebSocketResponse


@pytest.fixture
def state() -> dict[str, str]:
    return {"state": "memory:"}


@pytest.fixture
async def url(client: TusClient) -> str:
    return await client.create(10)


@pytest.fixture
async def socket(session: aiohttp.ClientSession, url: str) -> AsyncIterator[Socket]:
    """A WebSocket of an upload without bytes; its first message is read already."""
    async with session.ws_connect(f"{url}/socket") as opened:
        assert (await opened.receive_json())["action"] == "progress"
        yield opened


async def say(socket: Socket, action: str) -> Any:
    """Send a message of Uppy's Companion with this `action`, as `pause`. Return the payload of the server's next
    message."""
    await socket.send_json({"action": action, "payload": {}})
    return (await socket.receive_json())["payload"]


async def test_progress_and_success(client: TusClient, url: str, socket: Socket) -> None:
    await client.patch(url, 0, b"123")
    assert await socket.receive_json() == {
        "action": "progress",
        "payload": {
            "progress": "30.00",
            "bytesUploaded": 3,
            "bytesTotal": 10,
            "revision": 2,
            "phase": "open",
            "paused": False,
        },
    }
    await client.patch(url, 3, b"4567890")
    while (message := await socket.receive_json())["action"] == "progress":
        pass
    revision = message["payload"].pop("revision")
    assert message == {
        "action": "success",
        "payload": {"complete": True, "url": url, "bytesUploaded": 10, "bytesTotal": 10},
    }
    assert (await socket.receive()).data == 1000
    late = await client.get(f"{url}/status")
    assert late.json["revision"] == revision


async def test_a_finished_upload_is_told_at_once(client: TusClient, session: aiohttp.ClientSession) -> None:
    url = await client.create(3, b"abc")
    async with session.ws_connect(f"{url}/socket") as socket:
        assert (await socket.receive_json())["action"] == "success"
        assert (await socket.receive()).data == 1000


async def test_a_pause_holds_bytes_back_until_it_ends(client: TusClient, url: str, socket: Socket) -> None:
    for _ in range(2):
        assert (await say(socket, "pause"))["paused"] is True
        refused = await client.patch(url, 0, b"123")
        assert (refused.status, refused.body.partition(b":")[0]) == (423, b"paused")
        assert int(refused.headers["Retry-After"]) > 0
        assert await client.offset(url) == 0
    assert (await client.get(f"{url}/status")).json["paused"] is True
    assert (await say(socket, "resume"))["paused"] is False
    assert (await client.patch(url, 0, b"123")).status == 204


async def test_a_running_request_is_asked_to_leave(client: TusClient, url: str, socket: Socket) -> None:
    async def slow() -> AsyncIterator[bytes]:
        yield b"12345"
        await asyncio.sleep(60)

    running = asyncio.create_task(client.patch(url, 0, slow()))
    await client.received(5)
    paused = await say(socket, "pause")
    while not paused["paused"]:
        paused = (await socket.receive_json())["payload"]
    assert (paused["bytesUploaded"], await client.offset(url)) == (5, 5)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_cancel_terminates(client: TusClient, url: str, socket: Socket) -> None:
    answer = await say(socket, "cancel")
    assert answer["error"]["code"] == "terminated"
    assert (await socket.receive()).data == 1000
    assert (await client.head(url)).status == 404


async def test_where_clients_terminate_nothing_the_socket_stays_open(
    start: Start, session: aiohttp.ClientSession
) -> None:
    server = start(disable_termination=True)
    await server.start()
    url = await TusClient(session, server.url).create(10)
    async with session.ws_connect(f"{url}/socket") as socket:
        await socket.receive_json()
        assert (await say(socket, "cancel"))["error"]["code"] == "termination-disabled"
        assert (await say(socket, "pause"))["paused"] is True


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("", 1008),
        ("[]", 1008),
        ('"pause"', 1008),
        ('{"action":"start"}', 1008),
        ('{"action":{"a":1}}', 1008),
        ("[" * 4096, 1008),
        ("{}" + " " * 4095, 1009),
        (b'{"action":"pause"}', 1003),
    ],
)
async def test_a_frame_that_is_no_action_closes(socket: Socket, frame: str | bytes, code: int) -> None:
    await (socket.send_bytes(frame) if isinstance(frame, bytes) else socket.send_str(frame))
    message = await socket.receive()
    assert (message.type, message.data) == (WSMsgType.CLOSE, code)


async def test_the_longest_message_is_taken(socket: Socket) -> None:
    action = '{"action":"pause"}'
    await socket.send_str(action + " " * (4096 - len(action)))
    assert (await socket.receive_json())["payload"]["paused"] is True


@pytest.mark.parametrize("first_byte", [0x83, 0xC1])
async def test_reserved_opcodes_and_bits_close(server: Server, url: str, first_byte: int) -> None:
    key = "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13"
    head = f"GET {url.removeprefix(server.origin)}/socket HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(f"{head}Connection: Upgrade\r\n{key}\r\n\r\n".encode() + bytes([first_byte, 0x80, 0, 0, 0, 0]))
    async with asyncio.timeout(30):
        received = await reader.read()
    writer.close()
    assert b"\x88" in received
    assert (1002).to_bytes(2, "big") in received


@pytest.mark.parametrize(
    ("origin", "status"), [(None, 101), ("own", 101), ("https://a.example", 101), ("https://b.example", 403)]
)
async def test_only_pages_that_may_use_the_server_open_a_socket(
    start: Start, session: aiohttp.ClientSession, origin: str | None, status: int
) -> None:
    server = start(cors_allow_origin=r"https://a\.example")
    await server.start()
    url = await TusClient(session, server.url).create(10)
    page = server.origin if origin == "own" else origin
    headers = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    headers |= {"Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="} | ({} if page is None else {"Origin": page})
    async with session.get(f"{url}/socket", headers=headers) as answer:
        assert answer.status == status
        if status != 101:
            assert (await answer.text()).startswith("origin: ")


async def test_without_an_upgrade_it_is_asked_for(client: TusClient, url: str) -> None:
    answer = await client.get(f"{url}/socket")
    assert (answer.status, answer.headers["Upgrade"]) == (426, "websocket")
    assert answer.body.startswith(b"upgrade-required: ")
    assert (await client.get(f"{client.url}{'0' * 32}/socket")).status == 404


HANDSHAKE = {
    "connection": "Upgrade",
    "upgrade": "websocket",
    "sec_websocket_version": "13",
    "sec_websocket_key": "AAAAAAAAAAAAAAAAAAAAAA==",
}


@pytest.mark.parametrize("name", HANDSHAKE)
async def test_a_handshake_that_is_not_ascii_is_none(server: Server, url: str, name: str) -> None:
    async with connected(server.port) as connection:
        await connection.head("GET", f"{url}/socket", **{**HANDSHAKE, name: "\xff"})
        answer = await connection.answer()
    assert (answer.status, answer.body.partition(b":")[0]) == (426, b"upgrade-required")
    assert "Traceback" not in server.log()


async def test_subprotocols_do_not_get_into_the_log(server: Server, url: str, session: aiohttp.ClientSession) -> None:
    """A subprotocol doesn't get into the log: pages can't set Authorization for a WebSocket, so some send a token as a
    subprotocol."""
    async with session.ws_connect(f"{url}/socket", protocols=["bearer", "SECRET"]) as socket:
        assert (await socket.receive_json())["action"] == "progress"
    assert "SECRET" not in server.log()


async def test_a_shutdown_says_that_the_server_goes_away(server: Server, socket: Socket) -> None:
    stopping = asyncio.create_task(server.stop())
    assert (await socket.receive()).data == 1001
    assert await stopping == 0


async def test_long_talks_are_no_long_head(socket: Socket) -> None:
    for _ in range(300):
        await socket.ping(b"x" * 125)
    action = '{"action":"resume"}'
    for _ in range(20):
        await socket.send_str(action + " " * (4096 - len(action)))
        assert (await socket.receive_json())["payload"]["paused"] is False
