"""Promise 9: while storage or state fail, a tus client's HEAD is answered 200 or 423 ("ask again"), and 404 only if the
upload is gone: after any other status several clients start from byte 0."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from devtools.redis import RedisServer
from devtools.seaweed import SeaweedFS
from tests.support.node import MIB, PART, Node, client_of, one_node
from tests.support.parts import started
from tests.support.s3faults import ANY, Action, error, reset
from tests.support.tus import TusClient, until
from tests.support.writing import random_bytes

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("fault", [reset(), error(403, "AccessDenied")], ids=["gone", "denied"])
async def test_an_unfinished_upload_is_known_while_s3_is_away(node: Node, client: TusClient, fault: Action) -> None:
    url, data = await client.create(2 * PART), random_bytes(2 * PART)
    await client.patch(url, 0, data[: PART + MIB])
    node.s3.faults.rule(ANY, None, fault)
    assert await client.offset(url) == PART + MIB
    answer = await client.patch(url, PART + MIB, data[PART + MIB :])
    assert answer.status == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert (await client.head(url)).status in (200, 423)
    node.s3.faults.clear()
    offset = await client.offset(url)
    await client.patch(url, offset, data[offset:])
    assert await client.content(url) == data


async def test_what_is_gone_is_gone(client: TusClient) -> None:
    url = await client.create(3, b"abc")
    await client.terminate(url)
    assert (await client.head(url)).status == 404
    assert (await client.head(f"{client.url}not-an-id")).status == 404


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis server that a test may stop."""
    with started(RedisServer(tmp_path, durable=True)) as server:
        yield server


async def test_ask_again_while_the_state_is_away(seaweed: SeaweedFS, redis: RedisServer, tmp_path: Path) -> None:
    async with one_node(seaweed, tmp_path, state=redis.url) as node, client_of(node.server) as client:
        url = await client.create(10, b"01234")
        redis.stop()
        answer = await client.head(url)
        assert answer.status == 423
        assert "Upload-Offset" not in answer.headers
        assert (await client.patch(url, 5, b"56789")).status == 503
        assert (await client.try_create(10)).status == 503
        redis.start()

        async def back() -> bool:
            return (await client.head(url)).status == 200

        await until(back)
        assert await client.offset(url) == 5
        assert (await client.patch(url, 5, b"56789")).offset == 10
        assert await client.content(url) == b"0123456789"
