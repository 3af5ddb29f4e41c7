"""A Redis that doesn't answer while its connections are closed delays no shutdown for long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from devtools.redis import RedisServer
from tests.support.relay import Relay
from tests.support.tls import contexts
from tests.support.uploads import upload
from tusd_py.backends.redis import connection
from tusd_py.backends.redis.locks import RedisLocker
from tusd_py.backends.redis.state import RedisState
from tusd_py.events_out.sinks.redis_stream import RedisStream
from tusd_py.live.bus.redis import RedisBus

TTL = 60.0


@pytest.fixture
async def relay(redis_running: RedisServer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Relay]:
    """A relay to Redis whose clients must use TLS. A connection may take up to 2 seconds to open."""
    monkeypatch.setattr(connection, "CONNECT_SECONDS", 2.0)
    tls, _ = contexts()
    async with Relay(redis_running.port, tls) as relay:
        yield relay


@pytest.fixture
def url(relay: Relay) -> str:
    return f"rediss://127.0.0.1:{relay.port}/0?ssl_cert_reqs=none&ssl_check_hostname=false"


async def test_a_silent_redis_holds_up_no_close(relay: Relay, url: str) -> None:
    state, locker, bus = RedisState(url), RedisLocker(url, TTL), RedisBus(connection.connect(url), "live:")
    await state.ping()
    async with locker.hold(upload().id, on_release_request=lambda: None, wait=0), bus.listening(lambda _: None):
        pass
    relay.fall_silent()
    async with asyncio.timeout(60):
        for adapter in (state, locker, bus):
            await adapter.aclose()


async def test_a_silent_redis_holds_up_no_sink(relay: Relay, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tusd_py.events_out.sinks.redis_stream._SECONDS", 2.0)
    sink = RedisStream(url, "stream")
    await sink._redis.ping()
    relay.fall_silent()
    async with asyncio.timeout(60):
        await sink.aclose()
