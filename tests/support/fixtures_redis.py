"""Fixtures around a real Redis."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from redis import Redis

from devtools.redis import RedisServer
from tests.support.parts import started
from tusd_py.backends.redis import connection


@pytest.fixture(scope="session")
def redis_running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """One Redis for the session, without persistence. Tests that stop it start their own instead."""
    with started(RedisServer(tmp_path_factory.mktemp("redis"))) as server:
        yield server


@pytest.fixture
def redis_url(redis_running: RedisServer) -> str:
    return emptied(redis_running)


@pytest.fixture
def patient_with_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Redis take up to 30 seconds to accept a connection of this process or to answer it, as the machine may have
    other work. Servers in other processes, as in tests/faults, keep the limits of 1 and 2 seconds."""
    monkeypatch.setattr(connection, "CONNECT_SECONDS", 30.0)
    monkeypatch.setattr(connection, "ANSWER_SECONDS", 30.0)


def emptied(server: RedisServer) -> str:
    """Remove all keys from this Redis and return its URL."""
    with Redis.from_url(server.url) as client:
        client.flushall()
    return server.url
