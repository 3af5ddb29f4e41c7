"""The process dies, or is told to go, in the middle of an upload."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from random import Random
from typing import Any

import aiohttp
import pytest

from devtools.redis import RedisServer
from tests.faults.journeys import LARGE, PART, Watched, arrived, wait_until_gone
from tests.support.node import MIB, Node
from tests.support.parts import started
from tests.support.raw import patching
from tests.support.s3faults import ANY, Gate, after_forwarding, hold
from tests.support.tus import TusClient, until

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module", params=["sqlite", "redis"])
def settings(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    if request.param == "sqlite":
        yield {"part_size": "5MiB"}
        return
    with started(RedisServer(tmp_path_factory.mktemp("redis"), durable=True)) as redis:
        yield {"part_size": "5MiB", "state": redis.url, "lock_ttl": "2s"}


async def dies(node: Node, upload: Watched, moment: asyncio.Future[Any] | asyncio.Task[Any]) -> None:
    """Run the upload until `moment` or its end, stop its client, kill the server and start it again, and let the client
    ask for the offset."""
    uploading = asyncio.create_task(upload.run())
    await asyncio.wait([uploading, moment], return_when=asyncio.FIRST_COMPLETED)
    moment.cancel()
    uploading.cancel()
    await asyncio.wait([uploading, moment])
    await node.restart()
    await upload.ask()


async def test_killed_at_the_nth_request_to_s3(node: Node, client: TusClient) -> None:
    url = await client.create(len(LARGE))
    upload = Watched(node, client, url, LARGE)
    for nth in (1, 2, 3, 4):
        gate = Gate()
        node.s3.reset()
        node.s3.faults.rule(ANY, nth, (hold(gate), after_forwarding(hold(gate)))[nth % 2])
        await dies(node, upload, asyncio.create_task(gate.reached.wait()))
    node.s3.reset()
    await upload.run()
    await wait_until_gone(node, client, await arrived(node, client, url, LARGE))


async def test_killed_at_random_times(node: Node, client: TusClient) -> None:
    dice = Random(7)
    url = await client.create(len(LARGE))
    upload = Watched(node, client, url, LARGE)
    for _ in range(4):
        await dies(node, upload, asyncio.create_task(asyncio.sleep(dice.uniform(0, 0.5))))
    await upload.run()
    await wait_until_gone(node, client, await arrived(node, client, url, LARGE))


async def test_told_to_go_it_saves_every_byte_first(node: Node, client: TusClient) -> None:
    base, url, bytes_sent = await node.received(), await client.create(len(LARGE)), PART + MIB + 3
    async with patching(url, 0, len(LARGE)) as request:
        await request.send(LARGE[:bytes_sent])
        await node.until_received(base + bytes_sent)
        assert await node.server.stop() == 0
        assert await request.status() == 503
    await goes_on(node, client, url, bytes_sent)


async def test_a_shutdown_waits_for_requests_to_s3(node: Node, client: TusClient) -> None:
    base, url, bytes_sent, gate = await node.received(), await client.create(len(LARGE)), PART + MIB, Gate()
    node.s3.faults.rule("UploadPart", 1, hold(gate))
    async with patching(url, 0, len(LARGE)) as request:
        await request.send(LARGE[:bytes_sent])
        await node.until_received(base + bytes_sent)
        await gate.reached.wait()
        ending = asyncio.create_task(node.server.stop())
        await until(lambda: refuses(node, client))
        assert not ending.done()
        gate.opened.set()
        assert await request.status() == 503
        assert await ending == 0
    await goes_on(node, client, url, bytes_sent)


async def refuses(node: Node, client: TusClient) -> bool:
    """Return True if the server takes no more connections."""
    try:
        await client.fetch(f"{node.server.origin}/healthz")
    except aiohttp.ClientConnectionError:
        return True
    return False


async def goes_on(node: Node, client: TusClient, url: str, bytes_sent: int) -> None:
    """Start the server again, check that the upload is at `bytes_sent`, finish and check it, and terminate it."""
    await node.server.start()
    assert await client.offset(url) == bytes_sent
    upload = Watched(node, client, url, LARGE, bytes_sent=bytes_sent)
    await upload.run()
    await wait_until_gone(node, client, await arrived(node, client, url, LARGE))
