"""Servers of one installation in a folder, with a state in memory, in SQLite or in Redis."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.server import Server

Start = Callable[..., Server]
"""Makes a server with these settings, on top of the common ones; it isn't started yet."""
STATES = ("memory", "sqlite", "redis")


def state_setting(request: pytest.FixtureRequest, directory: Path, kind: str) -> Mapping[str, str]:
    """Return the setting for a state of this kind."""
    urls = {"memory": "memory:", "sqlite": f"sqlite:{directory}/state.db"}
    return {"state": urls.get(kind) or request.getfixturevalue("redis_url")}


@asynccontextmanager
async def installation(directory: Path, **usual: object) -> AsyncIterator[Start]:
    """Yield a function that makes servers, not started, on the folder's disk, with a state in memory unless settings
    name another. All are killed in the end."""
    servers = list[Server]()

    def make(**settings: object) -> Server:
        chosen: dict[str, Any] = {"storage": f"file:{directory}/data", "state": "memory:", **usual, **settings}
        servers.append(Server(directory, **chosen))
        return servers[-1]

    try:
        yield make
    finally:
        for server in servers:
            await server.kill()
