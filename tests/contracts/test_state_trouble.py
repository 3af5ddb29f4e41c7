"""Promises of every durable state store (`tusd_py/ports/state.py`) while its disk or memory is full, or while it can't
be reached or read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import OutOfMemoryError

from devtools.ports import free_port
from devtools.redis import RedisServer
from tests.support.parts import started
from tests.support.small_disk import SmallDisk, small_disk
from tests.support.uploads import upload
from tusd_py.backends.redis.state import RedisState
from tusd_py.backends.sqlite.state import SqliteState
from tusd_py.domain.errors import StateFull, StateUnavailable
from tusd_py.domain.space import MIB
from tusd_py.domain.upload import Upload
from tusd_py.ports.state import StateStore

SIZE = 12 * MIB
LARGE = {"filename": bytes(12000)}


class SmallRedis:
    """A Redis with a `maxmemory` of 12 MiB. `fill` takes what is free of it, as another client would, and `empty` gives
    that back."""

    def __init__(self, server: RedisServer) -> None:
        self._client = Redis.from_url(server.url)
        self._client.config_set("maxmemory", SIZE)

    def fill(self) -> None:
        """Write until Redis refuses 16 bytes more."""
        for size in (65536, 4096, 256, 16):
            with suppress(OutOfMemoryError):
                while True:
                    self._client.rpush("filler", bytes(size))

    def empty(self) -> None:
        self._client.delete("filler")


@dataclass(frozen=True, kw_only=True)
class Place:
    """A state store, and the small disk or memory that other programs can fill."""

    state: StateStore
    room: SmallDisk | SmallRedis


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path, SIZE) as mounted:
        yield mounted


@pytest.fixture
def redis(tmp_path: Path, redis_running: RedisServer) -> Iterator[RedisServer]:
    del redis_running  # which skips the test where there is no Redis
    with started(RedisServer(tmp_path)) as server:
        yield server


@pytest.fixture(params=["sqlite", "redis"])
async def place(request: pytest.FixtureRequest) -> AsyncIterator[Place]:
    if request.param == "sqlite":
        disk = request.getfixturevalue("disk")
        opened = Place(state=SqliteState(disk.path / "state.db"), room=disk)
    else:
        server = request.getfixturevalue("redis")
        opened = Place(state=RedisState(server.url), room=SmallRedis(server))
    await opened.state.ping()
    yield opened
    await opened.state.aclose()


async def fill(state: StateStore) -> list[Upload]:
    """Create uploads until the state raises StateFull, and return those that it took."""
    uploads = list[Upload]()
    with suppress(StateFull):
        while True:
            uploads.append(await state.create(upload(len(uploads), metadata=LARGE)))
    return uploads


async def test_a_full_state_frees_space_by_removal(place: Place) -> None:
    """A full state store still saves and removes its uploads, and then has space for others."""
    uploads = await fill(place.state)
    space = await place.state.space()
    assert space is not None
    assert space.full
    for created in uploads:
        saved = await place.state.save(created, [{"part": 1}])
        await place.state.delete(await place.state.rewind(saved, []))
    assert await place.state.list(None, 10) == []
    assert len(await fill(place.state)) > 0.9 * len(uploads)


async def test_a_state_without_a_free_byte_refuses_creations(place: Place) -> None:
    """A state store without a free byte refuses only creations (StateFull), until there is space again; it still saves
    and deletes."""
    first, *removed = [await place.state.create(upload(number, metadata=LARGE)) for number in range(20)]
    for created in removed:
        place.room.fill()
        await place.state.delete(await place.state.save(created, [{"part": 1}]))
    place.room.fill()
    with pytest.raises(StateFull):
        await place.state.create(upload(99))
    assert await place.state.list(None, 10) == [first]
    place.room.empty()
    await place.state.save(first)
    assert (await place.state.create(upload(99))).revision == 1


@pytest.fixture(params=["sqlite", "redis"])
async def absent(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[StateStore]:
    """A state store that can't be used: SQLite on a file that is no database, or Redis at a port where none listens."""
    (tmp_path / "state.db").write_bytes(b"these are no pages of a database" * 300)
    sqlite = request.param == "sqlite"
    store = SqliteState(tmp_path / "state.db") if sqlite else RedisState(f"redis://127.0.0.1:{free_port()}/0")
    yield store
    await store.aclose()


async def test_an_absent_store_is_unavailable_to_every_call(absent: StateStore) -> None:
    for call in (absent.ping(), absent.create(upload()), absent.load(upload().id), absent.unfinished()):
        with pytest.raises(StateUnavailable):
            await call
