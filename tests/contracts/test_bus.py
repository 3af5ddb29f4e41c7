"""The buses of SQLite and Redis, by which a process is told of uploads that other processes change, and the bus of a
state in memory, which tells nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.uploads import upload
from tusd_py.backends.redis.connection import connect
from tusd_py.backends.redis.schema import Keys
from tusd_py.backends.redis.state import RedisState
from tusd_py.backends.sqlite.state import SqliteState
from tusd_py.domain.upload_id import UploadId
from tusd_py.live.bus.memory import MemoryBus
from tusd_py.live.bus.redis import RedisBus
from tusd_py.live.bus.sqlite import SqliteBus
from tusd_py.ports.bus import Bus
from tusd_py.ports.state import StateStore

UPLOAD = upload()


@dataclass
class Process:
    """A stand-in for a process that shares a state with others: its own state store and bus, and in `announcements` the
    ids that the bus told it; None there says that any upload may have changed."""

    state: StateStore
    bus: Bus
    announcements: list[UploadId | None] = field(default_factory=list)
    woken: asyncio.Event = field(default_factory=asyncio.Event)

    def notify(self, upload_id: UploadId | None) -> None:
        self.announcements.append(upload_id)
        self.woken.set()

    async def change(self, number: int = 1) -> UploadId:
        """Save a new upload, publish its id on the bus as an observer does, and return the id."""
        saved = await self.state.create(upload(number))
        self.bus.publish(saved.id)
        return saved.id

    async def hears_of(self, upload_id: UploadId) -> None:
        """Wait until the process was told of this upload, or that any upload may have changed (None). Raises
        TimeoutError after 30 seconds."""
        async with asyncio.timeout(30):
            while upload_id not in self.announcements and None not in self.announcements:
                self.woken.clear()
                await self.woken.wait()


@pytest.fixture(params=["sqlite", "redis"])
async def processes(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[Process, Process]]:
    path, url = tmp_path / "state.db", ""
    if request.param == "redis":
        url = request.getfixturevalue("redis_url")
    async with AsyncExitStack() as stack:
        near, far = [await _open(stack, path, url) for _ in range(2)]
        yield near, far


async def _open(stack: AsyncExitStack, path: Path, url: str) -> Process:
    """Return a process whose state and bus are in Redis at `url` or, if that is empty, in SQLite at `path`; closing
    `stack` closes them."""
    state: StateStore = RedisState(url) if url else SqliteState(path)
    stack.push_async_callback(state.aclose)
    await state.ping()
    if not url:
        return Process(state, SqliteBus(path))
    bus = RedisBus(connect(url), Keys().live)
    stack.push_async_callback(bus.aclose)
    return Process(state, bus)


@asynccontextmanager
async def quiet(process: Process) -> AsyncIterator[None]:
    """Let the process listen while the context lasts; what it was told in the first half second is dropped."""
    async with process.bus.listening(process.notify):
        await asyncio.sleep(0.5)
        process.announcements.clear()
        yield


async def test_changes_of_another_process_are_heard(processes: tuple[Process, Process]) -> None:
    near, far = processes
    async with quiet(near):
        for number in (1, 2):
            await near.hears_of(await far.change(number))
            near.announcements.clear()


async def test_several_listen_and_stop(processes: tuple[Process, Process]) -> None:
    near, far = processes
    async with quiet(near), quiet(far):
        upload_id = await far.change()
        await near.hears_of(upload_id)
    near.announcements.clear()
    await far.change(2)
    await asyncio.sleep(0.5)
    assert near.announcements == []


async def test_without_changes_nothing_is_heard(processes: tuple[Process, Process]) -> None:
    near, _ = processes
    async with quiet(near):
        await asyncio.sleep(0.6)
        assert near.announcements == []


async def test_a_redis_that_is_away_is_no_error() -> None:
    bus = RedisBus(connect("redis://127.0.0.1:1"), Keys().live)
    bus.publish(UPLOAD.id)
    async with bus.listening(lambda _: None):
        bus.publish(UPLOAD.id)
    await bus.aclose()


async def test_bytes_that_are_no_text_end_no_listening(redis_url: str, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        near, far = [await _open(stack, tmp_path / "state.db", redis_url) for _ in range(2)]
        stranger = await stack.enter_async_context(connect(redis_url))
        async with quiet(near):
            await stranger.publish(Keys().live.encode() + b"\xff", b"\xff")
            await asyncio.sleep(0.5)
            await near.hears_of(await far.change())


async def test_a_file_that_is_away_is_no_error(tmp_path: Path) -> None:
    notified = asyncio.Event()
    async with SqliteBus(tmp_path / "state.db").listening(lambda _: notified.set()), asyncio.timeout(30):
        await notified.wait()


async def test_a_state_in_memory_has_no_other_process() -> None:
    announcements: list[UploadId | None] = []
    async with MemoryBus().listening(announcements.append):
        MemoryBus().publish(UPLOAD.id)
    assert announcements == []
