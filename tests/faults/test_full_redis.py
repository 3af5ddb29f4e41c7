"""A Redis that has reached its `maxmemory`: the server refuses new uploads and new PATCHes that bring bytes, and still
finishes, reads, deletes and expires the uploads it has."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import OutOfMemoryError

from devtools.redis import RedisServer
from tests.support.exchange import Answer
from tests.support.node import MIB, client_of
from tests.support.parts import started
from tests.support.raw import patching
from tests.support.server import Server, serving
from tests.support.tus import TusClient, until
from tests.support.writing import random_bytes

MEMORY = 6 * MIB
DATA = random_bytes(3 * MIB)
METADATA = {"Upload_Metadata": f"filename {base64.b64encode(bytes(12000)).decode()}"}


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with started(RedisServer(tmp_path, durable=True)) as server:
        yield server


@pytest.fixture
async def operator(redis: RedisServer) -> AsyncIterator[Redis]:
    async with Redis.from_url(redis.url) as talking:
        await talking.config_set("maxmemory", MEMORY)
        yield talking


@pytest.fixture
def expire_after() -> str:
    """Return the setting `expire-after`: a day, unless a test waits for an upload to expire."""
    return "1d"


@pytest.fixture
async def server(operator: Redis, redis: RedisServer, tmp_path: Path, expire_after: str) -> AsyncIterator[Server]:
    del operator
    async with serving(
        tmp_path, storage=f"file:{tmp_path / 'data'}", state=redis.url, expire_after=expire_after, lock_ttl="3s"
    ) as running:
        yield running
        assert "Traceback" not in running.log(), running.log()


@pytest.fixture
async def client(server: Server) -> AsyncIterator[TusClient]:
    async with client_of(server) as talking:
        yield talking


def refused(answer: Answer) -> bool:
    return answer.status == 503 and answer.body.startswith(b"store-full") and int(answer.headers["Retry-After"]) > 0


async def refuses(client: TusClient) -> bool:
    """Return True if the server refuses a creation: it judges by its last look at Redis."""
    return refused(await client.try_create(1))


async def ready(server: Server, client: TusClient) -> bool:
    return (await client.fetch(f"{server.origin}/readyz")).status == 200


async def says_it_is_full(server: Server, client: TusClient) -> bool:
    answer = await client.fetch(f"{server.origin}/readyz")
    return (answer.status, answer.body) == (503, b"not ready: state is full\n")


async def expired(redis: Redis, url: str) -> bool:
    return not await redis.exists(f"tusd-py:upload:{url.rpartition('/')[2]}")


async def fill(redis: Redis) -> None:
    """Write to Redis, as another program would, until Redis refuses 16 bytes more."""
    for size in (65536, 4096, 256, 16):
        with suppress(OutOfMemoryError):
            while True:
                await redis.rpush("filler", bytes(size))


async def fill_with_uploads(client: TusClient) -> int:
    """Create uploads until ten creations in a row are refused because Redis is full; return the number of those
    created."""
    count = refusals = 0
    while refusals < 10:
        answer = await client.try_create(100, **METADATA)
        if answer.status == 201:
            count, refusals = count + 1, 0
        else:
            assert refused(answer), answer
            refusals += 1
    return count


@pytest.mark.parametrize("expire_after", ["12s"])
async def test_a_redis_full_of_uploads_empties_unaided(server: Server, client: TusClient, operator: Redis) -> None:
    await operator.setrange("other", MEMORY // 2, b"x")  # so it is full long before the first one expires
    before = await client.create(100)
    assert await fill_with_uploads(client) > 50
    assert await client.offset(before) == 0

    async def takes() -> bool:
        return (await client.try_create(100, **METADATA)).status == 201

    await until(takes)
    text = (await client.fetch(f"{server.origin}/metrics")).body.decode()
    assert "tusdpy_uploads_expired_total 0.0" not in text


async def test_a_full_redis_serves_its_uploads(server: Server, client: TusClient, operator: Redis) -> None:
    """On a Redis that other programs filled the server goes on with a PATCH that has begun, reads and deletes uploads,
    and refuses a new PATCH that brings bytes."""
    url, doomed = await client.create(len(DATA)), await client.create(len(DATA))
    unfinished, done = await client.create(len(DATA), DATA[:MIB]), await client.create(3, b"abc")
    async with patching(url, 0, len(DATA)) as writing:
        await writing.send(DATA[:MIB])
        await fill(operator)
        await until(lambda: refuses(client))
        await writing.send(DATA[MIB:])
        assert await writing.status() == 204
    assert await client.content(url) == DATA
    assert await client.content(done) == b"abc"
    async with patching(doomed, 0, len(DATA)) as stalled:
        await stalled.send(DATA[:10])
        assert await client.offset(doomed) in (0, 10), "it makes way"
    await fill(operator)
    await client.terminate(doomed)
    assert (await client.head(doomed)).status == 404
    assert await client.offset(unfinished) == MIB
    await until(lambda: says_it_is_full(server, client))
    assert refused(await client.patch(unfinished, MIB, DATA[MIB:]))
    assert (await client.delete(done)).status == 204


@pytest.mark.parametrize("expire_after", ["6s"])
async def test_uploads_expire_though_redis_is_full(server: Server, client: TusClient, operator: Redis) -> None:
    """Uploads expire though Redis is full; once the other program's data is deleted, the server takes uploads again."""
    unfinished, done = await client.create(len(DATA), DATA[:MIB]), await client.create(3, b"abc")
    await fill(operator)
    await until(lambda: says_it_is_full(server, client))
    await fill(operator)
    await until(lambda: expired(operator, unfinished))
    assert (await client.delete(done)).status == 204
    await operator.delete("filler")
    await until(lambda: ready(server, client))
    await client.create(1, b"x")
