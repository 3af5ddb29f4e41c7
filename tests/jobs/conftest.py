"""Servers that do jobs, on each state, and clients that ask for them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.jobs.asking import JobClient
from tests.support.server import Server

Start = Callable[..., Server]


@pytest.fixture(params=["memory", "sqlite", "redis"])
def state(request: pytest.FixtureRequest, tmp_path: Path) -> Mapping[str, str]:
    """The setting."""
    urls = {"memory": "memory:", "sqlite": f"sqlite:{tmp_path}/state.db"}
    return {"state": urls.get(request.param) or request.getfixturevalue("redis_url")}


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """Makes servers of one installation, which are killed in the end."""
    servers = list[Server]()

    def make(**settings: object) -> Server:
        chosen: dict[str, Any] = {"storage": f"file:{tmp_path}/data", "state": "memory:", "jobs": True, **settings}
        servers.append(Server(tmp_path, **chosen))
        return servers[-1]

    yield make
    for server in servers:
        await server.kill()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session:
        yield session


@pytest.fixture
async def client(start: Start, session: aiohttp.ClientSession) -> JobClient:
    """The client of a server in memory."""
    server = start()
    await server.start()
    return JobClient(session, server)
