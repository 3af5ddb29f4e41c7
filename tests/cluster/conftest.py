"""The fleets of the tests, each started once for a module; a test that stops a node starts it again."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from devtools.redis import RedisServer
from devtools.seaweed import SeaweedFS
from tests.cluster.fleet import Fleet, running_fleet
from tests.support.fixtures_redis import emptied

KINDS = {"three nodes on redis": 3, "two processes on sqlite": 2}


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=KINDS)
async def running(
    request: pytest.FixtureRequest, seaweed: SeaweedFS, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Fleet]:
    kind, redis = request.param, None
    if "redis" in kind:
        server = request.getfixturevalue("redis_running")
        assert isinstance(server, RedisServer)
        redis = emptied(server)
    async with running_fleet(seaweed, tmp_path_factory.mktemp("fleet"), KINDS[kind], redis) as fleet:
        yield fleet


@pytest.fixture
def fleet(running: Fleet) -> Fleet:
    """Return the running servers, once the proxy between them and S3 has forgotten its calls and the faults that it was
    told to cause."""
    running.s3.reset()
    return running
