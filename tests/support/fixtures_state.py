"""State stores of each kind: memory, SQLite, Redis."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tusd_py.backends.memory.state import MemoryState
from tusd_py.backends.redis.state import RedisState
from tusd_py.backends.sqlite.state import SqliteState
from tusd_py.ports.state import StateStore

Maker = Callable[[], StateStore]


@pytest.fixture(params=["memory", "sqlite", "redis"])
def maker(request: pytest.FixtureRequest, tmp_path: Path) -> Maker:
    return MemoryState if request.param == "memory" else durable_maker(request, tmp_path)


@pytest.fixture(params=["sqlite", "redis"])
def durable(request: pytest.FixtureRequest, tmp_path: Path) -> Maker:
    """A function that opens a store on SQLite or Redis; each store it opens has the records of those before."""
    return durable_maker(request, tmp_path)


def durable_maker(request: pytest.FixtureRequest, tmp_path: Path) -> Maker:
    if request.param == "sqlite":
        return lambda: SqliteState(tmp_path / "made" / "state.db")
    url = request.getfixturevalue("redis_url")
    return lambda: RedisState(url)


@pytest.fixture
async def state(maker: Maker) -> AsyncIterator[StateStore]:
    store = maker()
    yield store
    await store.aclose()
