"""The free space of a Redis, as the state computes it from the answer to INFO."""

from __future__ import annotations

from typing import Any

import pytest

from tusd_py.backends.redis.state import RedisState
from tusd_py.domain.space import Space, reserve_of

MOST = 1000


@pytest.mark.parametrize(
    ("fields", "free"),
    [({}, 400), ({"mem_not_counted_for_evict": 250}, 650), ({"used_memory": 1000}, 0), ({"used_memory": 1300}, 0)],
)
async def test_what_redis_does_not_count_against_its_limit_is_free(fields: dict[str, int], free: int) -> None:
    sections = list[str]()
    state = RedisState("redis://127.0.0.1:1/0")

    async def info(section: str) -> dict[str, Any]:
        sections.append(section)
        return {"maxmemory": MOST, "maxmemory_policy": "noeviction", "used_memory": 600, **fields}

    state._redis.info = info
    assert await state.space() == Space(free=free, reserve=reserve_of(MOST))
    assert sections == ["memory"]
    await state.aclose()
