"""The rights to watch one upload, and to read the feed or the list of uploads: with an API key, a ticket or no
credential."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support.installation import Start
from tests.support.live import lines, listening
from tests.support.server import Server
from tests.support.tus import TusClient

SECRET = "s" * 32
ROOT = "scopes=upload tokens list"


@pytest.fixture
def auth(tmp_path: Path) -> Mapping[str, Any]:
    """The settings for upload tokens, and for the API keys `alice`, `bob` and `root`, each with its name as its secret;
    `root` has the scopes upload, tokens and list."""
    keys = {"alice": "", "bob": "", "root": ROOT}
    text = "\n".join(f"{name}:{sha256(name.encode()).hexdigest()}:{policy}" for name, policy in keys.items())
    (tmp_path / "keys").write_text(text)
    return {"auth": "token,api-key", "auth_keys_file": tmp_path / "keys", "auth_token_secret": SECRET}


@pytest.fixture(params=["capability", "owner"])
async def server(start: Start, auth: Mapping[str, Any], request: pytest.FixtureRequest) -> Server:
    started = start(**auth, auth_uploads=request.param)
    await started.start()
    return started


@pytest.fixture
async def url(client: TusClient) -> str:
    """The URL of a new upload of 10 bytes, none of them sent yet, which the key `alice` has created."""
    return await client.create(10, upload_metadata="filename YQ==", x_api_key="alice")


def by_url(request: pytest.FixtureRequest) -> bool:
    return "capability" in request.node.name


async def ticket(session: aiohttp.ClientSession, server: Server, name: str, **terms: object) -> str:
    body = {"scope": "watch", **terms}
    async with session.post(f"{server.origin}/tokens", json=body, headers={"X-Api-Key": name}) as answer:
        assert answer.status == 201
        token: str = (await answer.json())["token"]
        return token


async def test_an_upload_is_watched_by_its_owner(client: TusClient, url: str, request: pytest.FixtureRequest) -> None:
    for name, metadata in {"alice": {"filename": "a"}, "root": {"filename": "a"}}.items():
        answer = await client.get(f"{url}/status", x_api_key=name)
        assert (answer.status, answer.json["metadata"], answer.json["owner"]) == (200, metadata, "alice")
    assert (await client.get(f"{url}/status", x_api_key="bob")).status == 404
    assert (await client.get(f"{url}/status", x_api_key="mallory")).status == 401
    answer = await client.get(f"{url}/status")
    if by_url(request):
        assert (answer.status, answer.json["metadata"], answer.json["owner"]) == (200, {}, None)
    else:
        assert answer.status == 401


async def test_a_ticket_watches_for_a_minute_and_does_nothing_else(
    client: TusClient, session: aiohttp.ClientSession, server: Server, url: str
) -> None:
    token = await ticket(session, server, "alice")
    for name in ("ticket", "token"):
        async with listening(session, f"{url}/events?{name}={token}") as events:
            state = await events.next()
            assert state is not None
            assert state.data["metadata"] == {"filename": "a"}
    assert (await client.get(f"{url}/events?ticket={token}x")).status == 401
    assert (await client.get(f"{url}/events?ticket={await ticket(session, server, 'bob')}")).status == 404
    assert (await client.get(f"{url}?ticket={token}")).status == 401
    for scope in ("watch", "read"):
        token = await ticket(session, server, "alice", scope=scope)
        async with session.ws_connect(f"{url}/socket?ticket={token}") as socket:
            await socket.receive_json()
            for action in ("pause", "resume", "cancel"):
                await socket.send_json({"action": action})
                message = await socket.receive_json()
                assert (message["action"], message["payload"]["error"]["code"]) == ("error", "forbidden")
    assert (await client.head(url, x_api_key="alice")).status == 200


async def test_a_ticket_that_is_too_old_opens_nothing(
    client: TusClient, session: aiohttp.ClientSession, server: Server, url: str
) -> None:
    token = await ticket(session, server, "alice", ttl=1)
    async with listening(session, f"{url}/events?ticket={token}") as events:
        await events.next()
        while (await client.get(f"{url}/status?ticket={token}")).status != 401:
            pass
        await client.patch(url, 0, b"0123456789", x_api_key="alice")
        assert (await events.expect("end")).data["reason"] == "finished"
    assert token not in server.log()


async def test_the_feed_tells_an_owner_of_its_own_uploads(
    client: TusClient, session: aiohttp.ClientSession, server: Server, url: str
) -> None:
    await client.create(10, x_api_key="bob")

    async def owners(query: str = "", **headers: str) -> list[str]:
        async with session.get(f"{server.origin}/events?format=ndjson{query}", headers=headers) as answer:
            assert answer.status == 200, await answer.text()
            return [event["data"]["upload"]["owner"] for event in (await lines(answer))[:-1]]

    del url
    assert await owners(**{"X-Api-Key": "alice"}) == ["alice"]
    assert await owners("&owner=bob", **{"X-Api-Key": "alice"}) == []
    assert await owners(**{"X-Api-Key": "root"}) == ["alice", "bob"]
    assert await owners("&owner=bob", **{"X-Api-Key": "root"}) == ["bob"]
    assert await owners(f"&ticket={await ticket(session, server, 'bob')}") == ["bob"]
    async with session.get(f"{server.origin}/events") as answer:
        assert answer.status == 401


async def test_the_feed_tells_an_owner_no_place_and_no_request(
    client: TusClient, session: aiohttp.ClientSession, server: Server, url: str
) -> None:
    """The feed tells an owner neither where its upload is stored nor which request caused an event, as that may be an
    operator's; it tells the key `root`, which has the scope `list`, both."""
    await client.request("DELETE", url, x_api_key="alice")

    async def feed(query: str = "", **headers: str) -> list[Mapping[str, Any]]:
        async with session.get(f"{server.origin}/events?format=ndjson{query}", headers=headers) as answer:
            return [event["data"] for event in (await lines(answer))[:-1]]

    for data in await feed(**{"X-Api-Key": "root"}):
        assert data["upload"]["storage"]["type"] == "file"
        assert data["request"]["remote"] == "127.0.0.1"
    ticketed = await feed(f"&ticket={await ticket(session, server, 'alice')}")
    for events in (await feed(**{"X-Api-Key": "alice"}), ticketed):
        assert [data["reason"] for data in events] == [None, "client"]
        assert [data["request"] for data in events] == [None, None]
        assert not any("storage" in data["upload"] for data in events)


async def test_without_auth_an_untrusted_proxy_is_refused(start: Start, session: aiohttp.ClientSession) -> None:
    server = start(listing=True)
    await server.start()
    for fields in ({"X-Forwarded-For": "127.0.0.1"}, {"Forwarded": "for=127.0.0.1"}):
        for path in ("/events?format=ndjson", "/uploads"):
            async with session.get(server.origin + path, headers=fields) as answer:
                assert answer.status == 401
            async with session.get(server.origin + path) as answer:
                assert answer.status == 200
