"""Fixtures around a real Redis."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import pytest
from redis import Redis

from tests.support.parts import missing
from tests.support.redis import RedisError, RedisServer, redis_server, running


@pytest.fixture(scope="session")
def redis_running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """One Redis for the session, without persistence. Tests that stop it start their own instead."""
    found = ""
    with suppress(RedisError):
        found = redis_server()
    if not found:
        missing("redis-server")
    with running(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def redis_url(redis_running: RedisServer) -> str:
    return emptied(redis_running)


def emptied(server: RedisServer) -> str:
    """The URL of an empty Redis."""
    with Redis.from_url(server.url) as client:
        client.flushall()
    return server.url
