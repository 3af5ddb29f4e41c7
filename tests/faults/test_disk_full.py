"""A full disk, made by a limit on the size of the server's files: writes that need more space answer 503, recorded
bytes are kept, and the upload goes on once the limit is lifted."""

from __future__ import annotations

import resource
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.exchange import Answer
from tests.support.node import MIB, client_of
from tests.support.server import Server, serving
from tests.support.tus import TusClient, until
from tests.support.writing import random_bytes

DATA = random_bytes(12 * MIB)
ROOM = 5 * MIB
"""The bytes to which a test limits each file of the server: less than is written between two checkpoints."""


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    storage, state = f"file:{tmp_path / 'data'}", f"sqlite:{tmp_path / 'state.db'}"
    async with serving(tmp_path, storage=storage, state=state) as running:
        yield running
        assert "Traceback" not in running.log(), running.log()


@pytest.fixture
async def client(server: Server) -> AsyncIterator[TusClient]:
    async with client_of(server) as talking:
        yield talking


@contextmanager
def full_at(server: Server, size: int) -> Iterator[None]:
    """Let no file of the server grow beyond `size` bytes while the block lasts."""
    before = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (size, before[1]))
    yield
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, before)


def unavailable(answer: Answer) -> bool:
    return answer.status == 503 and int(answer.headers["Retry-After"]) > 0


async def in_steps() -> AsyncIterator[bytes]:
    """Yield `DATA` in pieces of 1 MiB: as a body it is sent chunked, without a Content-Length."""
    for start in range(0, len(DATA), MIB):
        yield DATA[start : start + MIB]


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_full_disk_keeps_what_it_has_and_goes_on(server: Server, client: TusClient, *, chunked: bool) -> None:
    url = await client.create(len(DATA))
    with full_at(server, ROOM):
        assert unavailable(await client.patch(url, 0, in_steps() if chunked else DATA))
        offset = await client.offset(url)
        assert 0 < offset <= ROOM
        assert unavailable(await client.patch(url, offset, DATA[offset:]))
        assert await client.offset(url) >= offset
    offset = await client.offset(url)
    assert (await client.patch(url, offset, DATA[offset:])).offset == len(DATA)
    assert await client.content(url) == DATA


async def test_a_state_without_room_takes_nothing_back(server: Server, client: TusClient) -> None:
    url = await client.create(len(DATA))
    await client.patch(url, 0, DATA[:MIB])
    with full_at(server, 1):
        assert unavailable(await client.patch(url, MIB, DATA[MIB:]))
        assert unavailable(await client.try_create(10))
        assert (await client.fetch(f"{server.origin}/readyz")).status == 503
        answer = await client.head(url)
        assert answer.status == 423 or answer.offset == MIB
        assert (await client.delete(url)).status == 503
    offset = await client.offset(url)
    assert offset >= MIB
    assert (await client.patch(url, offset, DATA[offset:])).offset == len(DATA)
    assert await client.content(url) == DATA

    async def ready() -> bool:
        return (await client.fetch(f"{server.origin}/readyz")).status == 200

    await until(ready)
