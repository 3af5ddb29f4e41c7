"""An outbox in a Redis that is full: what it has can still be sent, listed and dropped."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from devtools.redis import RedisServer
from tests.support.events import ALL, ENDS, EVER, created
from tusd_py.backends.redis.connection import connect
from tusd_py.backends.redis.outbox import RedisOutbox
from tusd_py.backends.redis.state import RedisState
from tusd_py.domain.errors import StateFull
from tusd_py.ports.outbox import Delivery, Selection


@pytest.fixture
def server(tmp_path: Path, redis_running: RedisServer) -> Iterator[RedisServer]:
    """A Redis of the test's own: others need memory."""
    del redis_running  # says if there is a Redis at all
    with RedisServer(tmp_path) as started:
        yield started


@pytest.fixture
async def state(server: RedisServer) -> AsyncIterator[RedisState]:
    """With an event of each of six uploads, and no memory any more."""
    store = RedisState(server.url)
    await store.outbox.register([ALL])
    for number in range(6):
        await created(store, number)
    async with connect(server.url) as operator:
        await operator.config_set("maxmemory", 1)
    yield store
    await store.aclose()


async def first(outbox: RedisOutbox) -> Delivery:
    [delivery] = await outbox.due(ALL.name, EVER, 1)
    return delivery


async def test_what_a_full_redis_has_of_events_goes_on(state: RedisState) -> None:
    outbox = state.outbox
    with pytest.raises(StateFull):
        await created(state, 9)
    taken = await outbox.take(await first(outbox), EVER * 2)
    assert taken is not None
    await outbox.mark_delivered(taken)
    await outbox.mark_failed(await first(outbox), "HTTP 500", None)
    await outbox.mark_failed(await first(outbox), "HTTP 500", EVER * 2)
    states = [each.state for each in await outbox.list(Selection(), None, 10)]
    assert states == ["delivered", "dead", *["pending"] * 4]
    [backlog] = await outbox.backlogs()
    assert (backlog.pending, backlog.dead) == (4, 1)
    assert len(await outbox.due(ALL.name, EVER, 10, strict=True)) == 3
    await outbox.register([ALL, ENDS])
    listed = await outbox.list(Selection(), None, 10)
    assert await outbox.restart(listed[:3], 5.0) == 3
    assert await outbox.drop(listed, 5.0) == 6
    assert await outbox.prune(EVER, 10) == 6
