"""Promises of lockers for many processes when a process dies or stands still."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.uploads import upload
from tusd_py.backends.redis.locks import RedisLocker
from tusd_py.backends.sqlite.locks import SqliteLocker
from tusd_py.ports.locks import Lease, Locker

TTL = 2.0
SLACK = 3.0
"""Seconds that a busy machine may take on top of what is promised."""


@dataclass(frozen=True)
class Holder:
    """A process that holds the lock of an upload, and is asked and answers in lines (`tests/support/holder.py`)."""

    process: Process

    async def says(self) -> str:
        assert self.process.stdout is not None
        line = await asyncio.wait_for(self.process.stdout.readline(), 20)
        return line.decode().strip()

    async def asks_its_lease(self) -> str:
        """Ask the process about its lease, and return its answer, `valid` or `superseded`. Lines `asked` before that,
        which say that a waiter asked it to give the lock back, are skipped."""
        assert self.process.stdin is not None
        self.process.stdin.write(b"\n")
        while (word := await self.says()) == "asked":
            pass
        return word


@dataclass(frozen=True)
class Place:
    """A database by which processes share locks: SQLite at the path `where`, or Redis at the URL `where`."""

    kind: str
    where: str

    def locker(self) -> Locker:
        return SqliteLocker(Path(self.where), TTL) if self.kind == "sqlite" else RedisLocker(self.where, TTL)

    @asynccontextmanager
    async def holder(self) -> AsyncIterator[Holder]:
        """Start another process that holds the lock of upload 1, and yield it; it is killed at the end."""
        args = ("-m", "tests.support.holder", self.kind, self.where, str(TTL), upload().id)
        process = await asyncio.create_subprocess_exec(sys.executable, *args, stdin=PIPE, stdout=PIPE)
        holder = Holder(process)
        try:
            assert await holder.says() == "held"
            yield holder
        finally:
            if process.returncode is None:
                process.kill()
            await process.communicate()


@pytest.fixture(params=["sqlite", "redis"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    url = request.getfixturevalue("redis_url") if request.param == "redis" else ""
    return Place(request.param, url or str(tmp_path / "state.db"))


@pytest.fixture
async def locker(place: Place) -> AsyncIterator[Locker]:
    opened = place.locker()
    yield opened
    await opened.aclose()


def hold(locker: Locker, wait: float) -> AbstractAsyncContextManager[Lease]:
    return locker.hold(upload().id, on_release_request=lambda: None, wait=wait)


async def test_a_holder_that_was_killed_is_replaced_within_the_ttl(place: Place, locker: Locker) -> None:
    async with place.holder() as holder:
        holder.process.kill()
        died = time.monotonic()
        async with hold(locker, wait=20) as lease:
            assert time.monotonic() - died < TTL + SLACK
            lease.check()
            assert lease.abandoned
        async with hold(locker, wait=0) as lease:
            assert not lease.abandoned


async def test_a_killed_local_holder_is_replaced_at_once(tmp_path: Path) -> None:
    """With SQLite, a holder on this machine that was killed is replaced at once, and its lease counts as abandoned."""
    place = Place("sqlite", str(tmp_path / "state.db"))
    locker = SqliteLocker(Path(place.where), ttl=3600)
    async with place.holder() as holder:
        holder.process.kill()
        await holder.process.wait()
        async with hold(locker, wait=0) as lease:
            assert lease.abandoned
        async with hold(locker, wait=0) as lease:
            assert not lease.abandoned
    await locker.aclose()


async def test_another_process_hears_that_it_is_asked_to_leave(place: Place, locker: Locker) -> None:
    async with place.holder() as holder:
        waiter = asyncio.create_task(_enter(locker))
        assert await holder.says() == "asked"
        waiter.cancel()
        await asyncio.wait([waiter])


async def test_a_stopped_holder_learns_of_its_successor(place: Place, locker: Locker) -> None:
    """A holder stopped by SIGSTOP loses its lock to a waiter within the TTL (`SLACK` later at most, on a busy machine),
    and finds its lease superseded once it goes on."""
    async with place.holder() as holder:
        assert await holder.asks_its_lease() == "valid"
        holder.process.send_signal(signal.SIGSTOP)
        stopped = time.monotonic()
        async with hold(locker, wait=20) as lease:
            assert time.monotonic() - stopped < TTL + SLACK
            holder.process.send_signal(signal.SIGCONT)
            assert await holder.asks_its_lease() == "superseded"
            lease.check()


async def test_a_woken_process_does_not_retake_the_lock(place: Place, locker: Locker) -> None:
    """A stopped process that goes on, and then gives back its lock, doesn't end the lease of the lock's new holder."""
    async with place.holder() as holder:
        holder.process.send_signal(signal.SIGSTOP)
        async with hold(locker, wait=20) as lease:
            holder.process.send_signal(signal.SIGCONT)
            assert holder.process.stdin is not None
            holder.process.stdin.close()  # it leaves, and drops what it believes to hold
            await holder.process.wait()
            await asyncio.sleep(TTL / 2)  # until after a renewal, which fails if it was taken
            lease.check()


async def _enter(locker: Locker) -> None:
    async with hold(locker, wait=20):
        pass
