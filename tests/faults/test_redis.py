"""Redis restarts, or is away for longer than any lease."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from devtools.redis import RedisServer
from tests.faults.journeys import LARGE, Watched, arrived, wait_until_gone
from tests.support.node import MIB, Node
from tests.support.parts import started
from tests.support.raw import patching
from tests.support.tus import TusClient, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

AWAY = 10.0


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with started(RedisServer(tmp_path_factory.mktemp("redis"), durable=True)) as server:
        yield server


@pytest.fixture(scope="module")
def settings(redis: RedisServer) -> dict[str, Any]:
    return {"part_size": "5MiB", "state": redis.url, "lock_ttl": "3s"}


async def ready(node: Node, client: TusClient) -> bool:
    return (await client.fetch(f"{node.server.origin}/readyz")).status == 200


async def refuse_all(client: TusClient, unfinished: str, done: str) -> None:
    """Check that a creation, a PATCH, a GET and a DELETE are each answered with 503 and Retry-After."""
    for answer in (
        await client.try_create(10),
        await client.patch(unfinished, MIB, LARGE[MIB:]),
        await client.fetch(done),
        await client.delete(unfinished),
    ):
        assert answer.status == 503
        assert int(answer.headers["Retry-After"]) > 0


async def test_redis_may_restart_between_and_during_requests(node: Node, client: TusClient, redis: RedisServer) -> None:
    url = await client.create(len(LARGE))
    upload = Watched(node, client, url, LARGE)
    for sig in (signal.SIGTERM, signal.SIGKILL):
        uploading = asyncio.create_task(upload.step())
        await asyncio.to_thread(redis.stop, sig)
        await asyncio.to_thread(redis.start)
        await uploading
    await upload.run()
    await wait_until_gone(node, client, await arrived(node, client, url, LARGE))


async def test_preemption_works_after_a_redis_restart(
    node: Node, client: TusClient, elsewhere: TusClient, redis: RedisServer
) -> None:
    """After a restart of Redis, a PATCH still gives its lock to another server that gets a HEAD for the upload, which
    answers with all bytes that had come."""
    base, url = await node.received(), await client.create(len(LARGE))
    elsewhere_url = url.replace(client.url, elsewhere.url)
    assert (await client.patch(url, 0, LARGE[:MIB])).status == 204
    await asyncio.to_thread(redis.stop, signal.SIGKILL)
    assert [(await elsewhere.head(elsewhere_url)).status, (await client.head(url)).status] == [423, 423]
    await asyncio.to_thread(redis.start)
    async with patching(url, MIB, len(LARGE) - MIB) as writing:
        await writing.send(LARGE[MIB : 2 * MIB])
        await node.until_received(base + 2 * MIB)
        assert await elsewhere.offset(elsewhere_url) == 2 * MIB
        assert await writing.status() == 423
    await client.terminate(url)


async def test_everything_goes_on_after_redis_was_away(node: Node, client: TusClient, redis: RedisServer) -> None:
    base, url, busy = await node.received(), await client.create(len(LARGE)), await client.create(len(LARGE))
    await client.patch(url, 0, LARGE[:MIB])
    done = await client.create(3, b"abc")
    async with patching(busy, 0, len(LARGE)) as writing:
        await writing.send(LARGE[: 2 * MIB])
        await node.until_received(base + 3 * MIB + 3)
        await asyncio.to_thread(redis.stop)
        gone_at = asyncio.get_running_loop().time()
        await refuse_all(client, url, done)
        assert (await client.head(url)).status == 423
        assert not await ready(node, client)
        await asyncio.sleep(gone_at + AWAY - asyncio.get_running_loop().time())
        assert (await client.head(url)).status == 423
        await asyncio.to_thread(redis.start)
        await until(lambda: ready(node, client))
    for upload_url, bytes_sent in ((url, MIB), (busy, 2 * MIB)):
        upload = Watched(node, client, upload_url, LARGE, bytes_sent=bytes_sent if upload_url == url else 0)
        upload._bytes_sent = bytes_sent
        await upload.ask()
        await upload.run()
        await arrived(node, client, upload_url, LARGE)
    assert await client.content(done) == b"abc"
    for upload_url in (busy, done):
        await client.terminate(upload_url)
    await wait_until_gone(node, client, url)
