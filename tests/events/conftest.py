"""Fixtures: servers whose state is in SQLite, Redis or memory, and receivers of their hooks."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestServer

from devtools.identity import Identity
from tests.events.answering import Serve
from tests.support.receiver import Receiver, receiving
from tests.support.server import Server
from tests.support.tus import TusClient
from tusd_py.config import LocalDirectory, MemoryState, S3Bucket, Settings
from tusd_py.server.app import create_app

QUICK: Mapping[str, str] = {
    "hooks_enabled_events": "post-create,post-finish,post-terminate",
    "events_schedule": "0s" + ",200ms" * 200,
    "events_lease": "3s",
    "hooks_http_timeout": "2s",
    "events_timeout": "2s",
}
"""Settings by which a failed attempt to deliver an event is repeated after about 200 ms, and one of a dead node after
the lease of 3 s. Only the hooks `post-create`, `post-finish` and `post-terminate` are called."""

Start = Callable[..., Server]


@pytest.fixture(params=["sqlite", "redis"])
def state(request: pytest.FixtureRequest, tmp_path: Path) -> Mapping[str, str]:
    """The setting `state`: a test runs once with SQLite, in its directory, and once with Redis."""
    if request.param == "sqlite":
        return {"state": f"sqlite:{tmp_path}/state.db"}
    return {"state": request.getfixturevalue("redis_url")}


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as running:
        yield running


@pytest.fixture
async def start(state: Mapping[str, str], tmp_path: Path) -> AsyncIterator[Start]:
    """A function that makes a server, not started yet, with the settings `QUICK`, by which failed deliveries are
    repeated fast, and those in its arguments. All servers have the same state and storage, unless the arguments say
    otherwise, and are killed after the test."""
    servers = list[Server]()

    def make(**settings: object) -> Server:
        chosen: dict[str, Any] = {"storage": f"file:{tmp_path}/data", **state, **QUICK, **settings}
        servers.append(Server(tmp_path, **chosen))
        return servers[-1]

    yield make
    for server in servers:
        await server.kill()


@pytest.fixture
async def hook() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


@pytest.fixture
def serve(tmp_path: Path, hook: Receiver) -> Serve:
    @asynccontextmanager
    async def start(*hooks: str, **settings: Any) -> AsyncIterator[TusClient]:
        place = {"state": MemoryState(), "storage": LocalDirectory(tmp_path)}
        asking = {"hooks_http": hook.url, "hooks_enabled_events": ",".join(hooks)}
        chosen = Settings(**{**place, **asking, **settings})
        async with TestServer(create_app(chosen)) as server, aiohttp.ClientSession() as session:
            yield TusClient(session, str(server.make_url("/files/")))

    return start


@pytest.fixture
def s3(moto_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The settings for moto's bucket `uploads`, below a prefix that no other test uses."""
    for name, value in Identity(name="any", actions=()).environment().items():
        monkeypatch.setenv(name, value)
    return {"storage": S3Bucket("uploads", f"{uuid.uuid4().hex}/"), "s3_endpoint_url": moto_endpoint}
