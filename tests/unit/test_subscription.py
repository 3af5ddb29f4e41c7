"""A subscription in Redis is opened again once its connection is silent and gives no answer to a PING."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from devtools.redis import RedisServer
from tests.support.relay import Relay
from tests.support.uploads import upload
from tusd_py import subscription
from tusd_py.backends.redis.connection import connect
from tusd_py.backends.redis.locks import RedisLocker
from tusd_py.backends.redis.schema import Keys
from tusd_py.domain.errors import Locked
from tusd_py.live.bus.redis import RedisBus

ID = upload().id
PATIENCE = 20.0
TTL = 60.0


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscription, "SILENCE_SECONDS", 0.1)
    monkeypatch.setattr(subscription, "ANSWER_SECONDS", 1.0)


@pytest.fixture
async def relay(redis_running: RedisServer) -> AsyncIterator[Relay]:
    async with Relay(redis_running.port) as relay:
        yield relay


@pytest.fixture(params=[2, 3], ids=["RESP2", "RESP3"])
def url(request: pytest.FixtureRequest, relay: Relay) -> str:
    return f"redis://127.0.0.1:{relay.port}/0?protocol={request.param}"


def nothing() -> None:
    """Ignore the request to release the lock."""


async def test_a_release_request_comes_after_silence(redis_url: str, relay: Relay, url: str) -> None:
    release_request = asyncio.Event()
    async with (
        aclosing(RedisLocker(url, TTL)) as locker,
        aclosing(RedisLocker(redis_url, TTL)) as rival,
        locker.hold(ID, on_release_request=release_request.set, wait=0),
    ):
        await asyncio.sleep(0.5)
        relay.fall_silent()
        with pytest.raises(Locked):
            async with rival.hold(ID, on_release_request=nothing, wait=5):
                pytest.fail("two holders")
        assert release_request.is_set()


async def test_an_announcement_is_heard_after_silence(redis_url: str, relay: Relay, url: str) -> None:
    notified = asyncio.Event()
    bus, far = RedisBus(connect(url), Keys().live), RedisBus(connect(redis_url), Keys().live)
    async with aclosing(bus), aclosing(far), bus.listening(lambda _: notified.set()):
        relay.fall_silent()
        notified.clear()
        far.publish(ID)
        async with asyncio.timeout(PATIENCE):
            await notified.wait()


async def test_an_answer_to_a_ping_ends_the_silence(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A subscription to which Redis has nothing to tell, but whose PINGs it answers, keeps its connection."""
    monkeypatch.setattr(subscription, "ANSWER_SECONDS", PATIENCE)
    async with aclosing(connect(url)) as redis, redis.pubsub(ignore_subscribe_messages=False) as messages:
        await messages.subscribe("any")
        types = [(await subscription.next_message(messages))["type"] for _ in range(3)]
    assert types[0] == "subscribe"
    assert "message" not in types
