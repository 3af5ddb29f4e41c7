"""Locks by leases in Redis or SQLite, also while Redis or the file fails."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, closing
from pathlib import Path

import pytest
from redis.asyncio import Redis

from devtools.redis import RedisServer
from tests.support.tus import until
from tests.support.uploads import upload
from tusd_py.backends.redis import connection as redis_client
from tusd_py.backends.redis.locks import RedisLocker
from tusd_py.backends.sqlite import connection as sqlite_thread
from tusd_py.backends.sqlite.locks import SqliteLocker
from tusd_py.domain.errors import Locked, StateUnavailable, Superseded

TTL = 1.0
"""The TTL in seconds of leases that a test lets run out, or holds only for a moment."""
LONG_TTL = 60.0
"""The TTL in seconds of leases that outlast a test, on a busy machine too."""
PATIENCE = 20.0
EARLIER = "0a1b2c3d-0000-4000-8000-0123456789ab"
"""The id of an earlier boot of the machine."""
ID = upload().id


def files(directory: Path) -> list[Path]:
    return sorted(directory.glob("*.leases"))


def names(directory: Path) -> set[str]:
    return {file.name for file in directory.iterdir()}


def nothing() -> None:
    """Ignore the request to release the lock."""


@pytest.fixture
def server(tmp_path: Path, redis_running: RedisServer) -> Iterator[RedisServer]:
    """A Redis of the test's own."""
    del redis_running  # says if there is a Redis at all
    with RedisServer(tmp_path) as server:
        yield server


@pytest.fixture
async def locker(server: RedisServer) -> AsyncIterator[RedisLocker]:
    """A locker whose leases expire `TTL` seconds after they were last renewed."""
    async with aclosing(RedisLocker(server.url, TTL)) as locker:
        yield locker


@pytest.fixture
async def patient(server: RedisServer) -> AsyncIterator[RedisLocker]:
    """A locker whose leases outlast the test."""
    async with aclosing(RedisLocker(server.url, LONG_TTL)) as locker:
        yield locker


@pytest.fixture
async def rival(server: RedisServer) -> AsyncIterator[RedisLocker]:
    """The locker of another node, whose leases outlast the test."""
    async with aclosing(RedisLocker(server.url, LONG_TTL)) as locker:
        yield locker


async def test_without_redis_nobody_gets_a_turn(server: RedisServer, locker: RedisLocker) -> None:
    server.stop(signal.SIGKILL)
    with pytest.raises(StateUnavailable):
        async with locker.hold(ID, on_release_request=nothing, wait=1):
            pytest.fail("held without Redis")


async def test_stopped_redis_is_unavailable_in_time(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_client, "ANSWER_SECONDS", 0.2)
    server.send(signal.SIGSTOP)
    impatient = RedisLocker(server.url, TTL)
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(StateUnavailable):
            async with impatient.hold(ID, on_release_request=nothing, wait=1):
                pytest.fail("held without Redis")
    server.send(signal.SIGCONT)
    await impatient.aclose()


async def test_lease_without_renewal_runs_out(server: RedisServer, locker: RedisLocker) -> None:
    """A lease that can't be renewed, as Redis was killed, expires, and its holder is asked to release the lock."""
    release_request = asyncio.Event()
    async with locker.hold(ID, on_release_request=release_request.set, wait=0) as lease:
        assert lease.valid
        server.stop(signal.SIGKILL)
        async with asyncio.timeout(PATIENCE):
            await release_request.wait()
        with pytest.raises(Superseded):
            lease.check()


async def test_a_short_outage_costs_no_lease(server: RedisServer) -> None:
    release_request, ttl = asyncio.Event(), 6.0
    async with (
        aclosing(RedisLocker(server.url, ttl)) as locker,
        locker.hold(ID, on_release_request=release_request.set, wait=0) as lease,
    ):
        server.send(signal.SIGSTOP)
        await asyncio.sleep(ttl / 2)  # longer than until the first renewal
        server.send(signal.SIGCONT)
        await asyncio.sleep(ttl / 2)  # longer than the lease would have lasted
        lease.check()
        assert not release_request.is_set()


async def test_turns_and_messages_come_back_with_redis(
    server: RedisServer, patient: RedisLocker, rival: RedisLocker
) -> None:
    release_request = asyncio.Event()
    async with patient.hold(ID, on_release_request=nothing, wait=0):
        server.stop(signal.SIGKILL)
    server.start()
    async with patient.hold(ID, on_release_request=release_request.set, wait=2):
        with pytest.raises(Locked):
            async with rival.hold(ID, on_release_request=nothing, wait=1.5):
                pytest.fail("two holders")
        async with asyncio.timeout(PATIENCE):
            await release_request.wait()


async def test_a_lease_that_was_taken_away_is_lost_and_its_holder_told(
    server: RedisServer, locker: RedisLocker
) -> None:
    release_request = asyncio.Event()
    async with redis_client.connect(server.url) as operator:
        async with locker.hold(ID, on_release_request=release_request.set, wait=0) as lease:
            await operator.set(f"tusd-py:lease:{ID}", "foreign/holder")
            async with asyncio.timeout(PATIENCE):
                await release_request.wait()
            assert not lease.valid
        assert await operator.get(f"tusd-py:lease:{ID}") == "foreign/holder"


async def test_without_memory_turns_are_taken_asked_for_and_passed_on(
    server: RedisServer, patient: RedisLocker, rival: RedisLocker
) -> None:
    release_request = asyncio.Event()
    async with redis_client.connect(server.url) as operator:
        await operator.config_set("maxmemory", 1)

    async def take_over() -> None:
        async with rival.hold(ID, on_release_request=nothing, wait=PATIENCE) as lease:
            lease.check()

    async with patient.hold(ID, on_release_request=release_request.set, wait=0):
        waiting = asyncio.create_task(take_over())
        async with asyncio.timeout(PATIENCE):
            await release_request.wait()
    await waiting


async def test_messages_that_say_nothing_are_ignored(
    server: RedisServer, patient: RedisLocker, rival: RedisLocker
) -> None:
    release_request = asyncio.Event()
    async with (
        patient.hold(ID, on_release_request=release_request.set, wait=0),
        redis_client.connect(server.url) as stranger,
    ):
        channel = await own_channel(stranger)
        for message in ("", "leave", f"leave {ID}", f"leave {ID} x y", "free", "free x", "?", b"\xff"):
            await stranger.publish(channel, message)
        assert not release_request.is_set()
        with pytest.raises(Locked):
            async with rival.hold(ID, on_release_request=nothing, wait=1.5):
                pytest.fail("two holders")
        assert release_request.is_set()


async def own_channel(redis: Redis) -> str:
    """Wait until a node listens for messages; return the channel of this, the only node."""

    async def is_open() -> bool:
        return bool(await redis.pubsub_channels("tusd-py:node:*"))

    await until(is_open)
    (channel,) = await redis.pubsub_channels("tusd-py:node:*")
    return str(channel)


async def test_nothing_is_left_in_redis_when_nobody_holds_or_waits(
    server: RedisServer, patient: RedisLocker, rival: RedisLocker
) -> None:
    async with patient.hold(ID, on_release_request=nothing, wait=0):
        with pytest.raises(Locked):
            async with rival.hold(ID, on_release_request=nothing, wait=0.1):
                pytest.fail("two holders")
    async with redis_client.connect(server.url) as operator:
        assert await operator.keys("*") == []


async def test_no_task_outlives_a_locker(server: RedisServer, tmp_path: Path) -> None:
    for locker in (RedisLocker(server.url, TTL), SqliteLocker(tmp_path / "state.db", TTL)):
        async with locker.hold(ID, on_release_request=nothing, wait=0):
            pass
        await locker.aclose()
        assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize("name", ["state", "a[1]?*.db"])
async def test_lease_files_of_earlier_boots_are_removed(tmp_path: Path, name: str) -> None:
    """The first lock after a boot of the machine removes the lease files that earlier boots left for the locker's
    state, and no other file."""
    stale = {f"{name}.{EARLIER}.leases{end}" for end in ("", "-wal", ".reserve")} | {f"{name}..leases"}
    foreign = {name, f"{name}-wal", "other.x.leases", f"{name}.db.{EARLIER}.leases", f"{name}.{EARLIER}.leases.bak"}
    foreign |= {f"{name}.reserve", f"{name}.db.{EARLIER}.leases.reserve"}
    for file in stale | foreign:
        (tmp_path / file).write_text("torn")
    locker = SqliteLocker(tmp_path / name, TTL)
    async with locker.hold(ID, on_release_request=nothing, wait=0):
        assert names(tmp_path) & (stale | foreign) == foreign
    await locker.aclose()


async def test_states_of_one_folder_keep_their_leases(tmp_path: Path) -> None:
    """The locker of one state leaves another state's leases in the same folder alone, even if the file name of one
    state begins with that of the other."""
    longer, shorter, rival = (SqliteLocker(tmp_path / name, LONG_TTL) for name in ("state.db", "state", "state.db"))
    async with longer.hold(ID, on_release_request=nothing, wait=0):
        await shorter.abandoned()
        with pytest.raises(Locked):
            async with rival.hold(ID, on_release_request=nothing, wait=0):
                pytest.fail("two holders")
    for locker in (longer, shorter, rival):
        await locker.aclose()


async def test_a_file_that_somebody_else_keeps_locked_is_unavailable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_thread, "BUSY_SECONDS", 0.1)
    locker, release_request = SqliteLocker(tmp_path / "state.db", TTL), asyncio.Event()
    async with locker.hold(ID, on_release_request=release_request.set, wait=0) as lease:
        (file,) = files(tmp_path)
        with closing(sqlite3.connect(file, isolation_level=None)) as writer:
            writer.execute("BEGIN IMMEDIATE")
            with pytest.raises(StateUnavailable):
                async with locker.hold(upload(2).id, on_release_request=nothing, wait=0):
                    pytest.fail("held without the file")
            async with asyncio.timeout(PATIENCE):
                await release_request.wait()
            assert not lease.valid
    await locker.aclose()
