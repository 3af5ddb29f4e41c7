"""Servers of one installation in a folder, with a state in memory, in SQLite or in Redis."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.server import Server

Start = Callable[..., Server]
"""A function that makes a server, not started, with its arguments as settings, on top of those that `installation`
sets."""
STATES = ("memory", "sqlite", "redis")


def state_setting(request: pytest.FixtureRequest, directory: Path, kind: str) -> Mapping[str, str]:
    """Return the setting `state` for a state of this kind, one of `STATES`: SQLite's file lies in `directory`."""
    urls = {"memory": "memory:", "sqlite": f"sqlite:{directory}/state.db"}
    return {"state": urls.get(kind) or request.getfixturevalue("redis_url")}


@asynccontextmanager
async def installation(directory: Path, **usual: object) -> AsyncIterator[Start]:
    """Yield a function that makes servers, not started, with the settings `usual` and its arguments; unless these say
    otherwise, the storage is `data` in `directory`, and the state is in memory. All are killed in the end."""
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
