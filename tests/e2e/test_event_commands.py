"""`tusd-py events` together with a live server without sinks."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support.events import ALL, EVER
from tests.support.server import Server, serving
from tusd_py.backends.redis.state import RedisState
from tusd_py.backends.sqlite.state import SqliteState
from tusd_py.ports.outbox import Outbox

HEADERS = {"Tus-Resumable": "1.0.0", "Upload-Length": "3"}


@asynccontextmanager
async def outbox_of(place: str) -> AsyncIterator[Outbox]:
    """The outbox of the state that `place`, a value of the setting `state`, names; this process opens it as another
    node that delivers would."""
    path = place.removeprefix("sqlite:")
    state = RedisState(place) if place == path else SqliteState(Path(path))
    try:
        yield state.outbox
    finally:
        await state.aclose()


async def created(server: Server) -> str:
    async with aiohttp.ClientSession() as session, session.post(server.url, headers=HEADERS) as answer:
        assert answer.status == 201
        return answer.headers["Location"].rpartition("/")[2]


async def listed(server: Server, *arguments: str) -> list[Any]:
    outcome = await server.command("events", "list", "--json", *arguments)
    assert (outcome.code, outcome.err) == (0, "")
    return [json.loads(line) for line in outcome.out.splitlines()]


@pytest.mark.parametrize("store", ["sqlite", "redis"])
async def test_an_operator_sends_an_event_again(request: pytest.FixtureRequest, tmp_path: Path, store: str) -> None:
    place = request.getfixturevalue("redis_url") if store == "redis" else f"sqlite:{tmp_path}/state.db"
    async with (
        serving(tmp_path, storage=f"file:{tmp_path}/data", state=place) as server,
        outbox_of(place) as outbox,
    ):
        await outbox.register([ALL])
        event_id = f"evt_{await created(server)}_created"
        assert [(row["id"], row["state"]) for row in await listed(server)] == [(event_id, "pending")]
        [due] = await outbox.due(ALL.name, EVER, 9)
        await outbox.mark_failed(due, "HTTP 500", None)
        [dead] = await listed(server, "--state", "dead")
        assert (dead["attempts"], dead["error"]) == (1, "HTTP 500")
        assert (await server.command("events", "retry", "--since", "1h")).out == "retried 1\n"
        [due] = await outbox.due(ALL.name, EVER, 9)
        await outbox.mark_delivered(due)
        assert await listed(server) == []
        assert (await server.command("events", "replay", event_id)).out == "replayed 1\n"
        assert [row.event_id for row in await outbox.due(ALL.name, EVER, 9)] == [event_id]
        assert (await server.command("events", "drop", event_id)).out == "dropped 1\n"
        assert await outbox.due(ALL.name, EVER, 9) == []
        assert (await server.command("events", "show", event_id)).code == 1
