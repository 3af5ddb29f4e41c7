"""A disk full of uploads, or of other programs' files: the server can always remove uploads, and so frees space without
help."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.exchange import Answer
from tests.support.node import MIB, client_of
from tests.support.server import Server, serving
from tests.support.small_disk import SmallDisk, small_disk
from tests.support.tus import TusClient, until
from tests.support.writing import random_bytes

SIZE = 12 * MIB
HALF = random_bytes(MIB // 2)
LONG = "1h"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    (tmp_path / "disk").mkdir()
    with small_disk(tmp_path / "disk", SIZE) as disk:
        yield disk


@asynccontextmanager
async def served(disk: SmallDisk, **settings: str) -> AsyncIterator[tuple[Server, TusClient]]:
    """A server, and a client of it, with bytes and state on the one small disk, as by default, and the log on another
    disk."""
    places = {"storage": f"file:{disk.path / 'data'}", "state": f"sqlite:{disk.path / 'state.db'}"}
    chosen: dict[str, Any] = {**places, **settings}
    async with serving(disk.path.parent, **chosen) as server, client_of(server) as client:
        yield server, client
        assert "Traceback" not in server.log(), server.log()


def refused(answer: Answer) -> bool:
    return answer.status == 503 and answer.body.startswith(b"store-full") and int(answer.headers["Retry-After"]) > 0


async def fill_with_uploads(client: TusClient) -> list[str]:
    """Create uploads until one is refused because the disk is full, and return their URLs."""
    urls = list[str]()
    while (answer := await client.try_create(MIB, HALF)).status == 201:
        urls.append(answer.headers["Location"])
    assert refused(answer), answer
    return urls


async def ready(server: Server, client: TusClient) -> Answer:
    return await client.fetch(f"{server.origin}/readyz")


async def test_a_full_disk_recovers_by_expiry(disk: SmallDisk) -> None:
    """A disk full of uploads is emptied by their expiry and takes uploads again."""
    async with served(disk, expire_after="6s") as (_, client):
        urls = await fill_with_uploads(client)
        assert len(urls) > 10
        assert await client.offset(urls[-1]) == len(HALF)

        async def empty() -> bool:
            return await client.metric("uploads_expired_total") == len(urls)

        await until(empty)

        async def takes() -> bool:
            return (await client.try_create(MIB, HALF)).status == 201

        await until(takes)


async def test_it_says_that_it_is_full_and_when_that_is_over(disk: SmallDisk) -> None:
    async with served(disk, expire_after=LONG) as (server, client):
        url = await client.create(MIB, HALF)
        assert (await ready(server, client)).body == b"ready\n"
        disk.fill(leave=SIZE // 10 + SIZE // 20)

        async def says(status: int, text: bytes) -> bool:
            answer = await ready(server, client)
            return (answer.status, answer.body) == (status, text)

        await until(lambda: says(200, b"ready\nstate is almost full\nstorage is almost full\n"))
        assert (await client.patch(url, len(HALF), HALF[:1])).status == 204
        disk.fill(leave=SIZE // 10 - 65536)
        await until(lambda: says(503, b"not ready: state is full, storage is full\n"))
        for answer in (await client.try_create(1), await client.patch(url, len(HALF) + 1, b"x")):
            assert refused(answer), answer
        for store in ("state", "storage"):
            assert await client.metric(f"{store}_full") == 1
            assert 0 < await client.metric(f"{store}_free_bytes") < SIZE / 10
        disk.empty()
        await until(lambda: says(200, b"ready\n"))
        assert (await client.patch(url, len(HALF) + 1, HALF[1:])).status == 204
        for word in ("store almost full", "store full", "store takes uploads again", "store has room again"):
            assert server.log().count(word) == 2, server.log()


async def test_a_disk_without_a_byte_finishes_and_deletes(disk: SmallDisk) -> None:
    """On a disk that other programs filled the server still finishes, reads, deletes and expires uploads, and refuses
    bytes."""
    async with served(disk, expire_after="20s") as (server, client):
        whole = await client.create(None, HALF)
        doomed = [await client.create(MIB, HALF) for _ in range(3)]
        unfinished = await client.create(MIB, HALF)
        disk.fill()
        answer = await client.patch(whole, len(HALF), b"", upload_length=len(HALF))
        assert (answer.status, answer.offset) == (204, len(HALF)), (answer, server.log())
        disk.fill()
        assert await client.content(whole) == HALF
        for url in doomed:
            await client.terminate(url)
            disk.fill()
            assert (await client.head(url)).status == 404
        assert await client.offset(unfinished) == len(HALF)
        assert refused(await client.patch(unfinished, len(HALF), HALF))

        async def expired() -> bool:
            disk.fill()
            return (await client.head(unfinished)).status == 404

        await until(expired, within=60)
        await client.terminate(whole)


async def test_a_server_starts_on_a_full_disk_and_removes(disk: SmallDisk) -> None:
    async with served(disk, expire_after=LONG) as (server, client):
        url = await client.create(MIB, HALF)
        await server.stop()
        disk.fill()
        await server.start()
        assert await client.offset(url) == len(HALF)
        await client.terminate(url)


async def test_a_body_in_transit_leaves_the_reserve(disk: SmallDisk) -> None:
    """If concurrent bodies are together too large for the disk, some are refused before they use up the reserve; the
    bytes stored till then count, and an upload goes on once others are terminated."""
    data = random_bytes(SIZE // 2)
    async with served(disk, expire_after=LONG) as (_, client):
        urls = [await client.create(len(data)) for _ in range(3)]
        answers = await asyncio.gather(*(client.patch(url, 0, data) for url in urls))
        assert any(map(refused, answers)), answers
        assert disk.free > SIZE / 20
        offsets = [await client.offset(url) for url in urls]
        assert sum(offsets) > SIZE / 2
        for url in urls[1:]:
            await client.terminate(url)

        async def goes_on() -> bool:
            at = await client.offset(urls[0])
            return at == len(data) or (await client.patch(urls[0], at, data[at:])).status == 204

        await until(goes_on)
        assert await client.content(urls[0]) == data
