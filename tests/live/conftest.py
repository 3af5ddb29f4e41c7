"""Servers that tell of uploads, on each state, and a client."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support.server import Server
from tests.support.tus import TusClient

Start = Callable[..., Server]


@pytest.fixture(params=["memory", "sqlite", "redis"])
def state(request: pytest.FixtureRequest, tmp_path: Path) -> Mapping[str, str]:
    """The setting."""
    return setting(request, tmp_path, request.param)


def setting(request: pytest.FixtureRequest, directory: Path, kind: str) -> Mapping[str, str]:
    """That of a state of this kind."""
    urls = {"memory": "memory:", "sqlite": f"sqlite:{directory}/state.db"}
    return {"state": urls.get(kind) or request.getfixturevalue("redis_url")}


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """Makes servers of one installation, which are killed in the end."""
    servers = list[Server]()

    def make(**settings: object) -> Server:
        chosen: dict[str, Any] = {"storage": f"file:{tmp_path}/data", "state": "memory:", "live": True, **settings}
        servers.append(Server(tmp_path, **chosen))
        return servers[-1]

    yield make
    for server in servers:
        await server.kill()


@pytest.fixture
async def server(start: Start, state: Mapping[str, str]) -> Server:
    started = start(**state)
    await started.start()
    return started


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session:
        yield session


@pytest.fixture
def client(server: Server, session: aiohttp.ClientSession) -> TusClient:
    return TusClient(session, server.url)
