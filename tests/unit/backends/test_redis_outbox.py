"""The lease of a delivery in Redis: a request for it whose answer is lost is sent again and succeeds, and only one node
gets it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from devtools.redis import RedisServer
from tests.support.events import ALL, EVER, created
from tests.support.relay import Relay
from tusd_py.backends.redis.outbox import RedisOutbox
from tusd_py.backends.redis.state import RedisState
from tusd_py.ports.outbox import Delivery


@pytest.fixture
async def outbox(redis_url: str) -> AsyncIterator[RedisOutbox]:
    """An outbox with one event of each of two uploads. The first delivery is leased, so that Redis has loaded the
    script that leases."""
    state = RedisState(redis_url)
    await state.outbox.register([ALL])
    for number in range(2):
        await created(state, number)
    first, _ = await state.outbox.due(ALL.name, EVER, 2)
    assert await state.outbox.take(first, EVER * 2)
    yield state.outbox
    await state.aclose()


async def due(outbox: RedisOutbox) -> Delivery:
    [delivery] = await outbox.due(ALL.name, EVER, 2)
    return delivery


async def test_a_lease_with_a_lost_answer_is_given(outbox: RedisOutbox, redis_running: RedisServer) -> None:
    delivery = await due(outbox)
    async with Relay(redis_running.port) as relay:
        through = RedisState(f"redis://127.0.0.1:{relay.port}/0")
        await through.ping()
        relay.lose_next = True
        leased = await through.outbox.take(delivery, EVER * 2)
        assert relay.lost
        await through.aclose()
    assert leased is not None
    assert leased.due_at == EVER * 2


async def test_a_lease_is_given_to_one_node_alone(outbox: RedisOutbox) -> None:
    """A lease of a due delivery is refused if another node has leased the delivery since this one read it, even if both
    ask for a lease until the same time."""
    delivery = await due(outbox)
    assert await outbox.take(delivery, EVER * 2)
    assert await outbox.take(delivery, EVER * 2) is None
