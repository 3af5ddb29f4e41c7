"""Trouble for a deployment while clients upload: in its processes, its S3 and its Redis, each in its own lane."""

from __future__ import annotations

import asyncio
import os
import signal
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from random import Random

import psutil

from devtools.redis import RedisServer
from tests.storm.history import Tally
from tests.storm.world import LOCK_TTL, Site, until_started
from tests.support import s3faults
from tests.support.s3faults import ANY, Action, Gate
from tests.support.server import Server, ServerError

_CALM = (1.0, 6.0)
"""The least and most seconds between two troubles of a lane."""
_SHARES = (0.1, 0.3, 0.6, 1.0)
"""Shares of the requests to S3 that meet the same trouble."""
_MIB = 1024 * 1024
Event = Callable[[], Awaitable[None]]


async def blow(site: Site, seed: int, tally: Tally, over: asyncio.Event) -> None:
    """Cause trouble for the deployment until `over` is set. Return once its servers and its Redis run again and S3 has
    no fault; a killed worker may still be missing, until its server has replaced it."""
    lanes: list[type[Lane]] = [Processes, Storage, *([Redis] if site.redis else [])]
    async with asyncio.TaskGroup() as group:
        for lane in lanes:
            dice = Random(f"{seed} {site.name} {lane.__name__}")
            group.create_task(lane(site, dice, tally).run(over))


class Lane:
    """A series of troubles of one kind, one at a time, with seconds of calm between them."""

    def __init__(self, site: Site, dice: Random, tally: Tally) -> None:
        self.site = site
        self.dice = dice
        self.tally = tally

    @abstractmethod
    def events(self) -> Sequence[Event]:
        """Return the functions that cause a trouble each, to choose from; one listed twice is twice as likely."""

    async def run(self, over: asyncio.Event) -> None:
        while not await _within(over, self.dice.uniform(*_CALM)):
            await self.dice.choice(self.events())()

    @contextmanager
    def logged(self, trouble: str) -> Iterator[None]:
        """Count the trouble, and log its begin and its end around the block."""
        self.tally.counts[f"weather: {trouble.partition(',')[0]}"] += 1
        self.tally.log(f"{self.site.name}: {trouble}")
        yield
        self.tally.log(f"{self.site.name}: {trouble}: over")


class Processes(Lane):
    """Troubles of a deployment's servers and their workers: they are killed, told to go, or stopped for a while."""

    def events(self) -> Sequence[Event]:
        return (self._killed, self._killed, self._told_to_go, self._frozen, self._frozen, self._preempted)

    async def _killed(self) -> None:
        """Kill one worker, if there are any, or a whole server as by a power cut, which is then started again."""
        server = self.dice.choice(self.site.servers)
        workers = [pid for pid in self.site.processes(server) if pid != server.pid]
        if workers and self.dice.random() < 0.5:
            with self.logged("a worker killed"), suppress(ProcessLookupError):
                os.kill(self.dice.choice(workers), signal.SIGKILL)
            return
        with self.logged("a server killed"):
            await server.kill()
            await asyncio.sleep(self.dice.choice((0, 0, self.dice.uniform(0, 3))))
            await until_started(server)

    async def _told_to_go(self) -> None:
        server = self.dice.choice(self.site.servers)
        with self.logged("a server told to go"):
            await self._goes(server)
            await until_started(server)

    async def _goes(self, server: Server) -> None:
        try:
            code = await server.stop()
        except ServerError as error:
            self.tally.report(self.site.name, "weather", str(error).partition("\n")[0])
        else:
            if code:
                self.tally.report(self.site.name, "weather", f"exit code {code} after SIGTERM")

    async def _frozen(self) -> None:
        """Stop a process, half the time for longer than `LOCK_TTL`, then let it go on."""
        seconds = self.dice.choice((self.dice.uniform(0.2, 2), self.dice.uniform(LOCK_TTL, 2 * LOCK_TTL)))
        pid = self.dice.choice(self.site.processes(self.dice.choice(self.site.servers)))
        with self.logged(f"a process stopped, {seconds:.1f} s"):
            await _stop_and_go(pid, seconds)

    async def _preempted(self) -> None:
        """Stop a process 5 to 30 times for a moment, as on a machine with too few processors."""
        pid = self.dice.choice(self.site.processes(self.dice.choice(self.site.servers)))
        with self.logged("a process preempted"):
            for _ in range(self.dice.randint(5, 30)):
                await _stop_and_go(pid, self.dice.uniform(0.01, 0.3))
                await asyncio.sleep(self.dice.uniform(0.01, 0.1))


class Storage(Lane):
    """Troubles between a deployment and S3: for some seconds, some or all requests fail, get no answer or are slow."""

    def events(self) -> Sequence[Event]:
        return (self._gust,)

    async def _gust(self) -> None:
        gate = Gate()
        name, action = self.dice.choice(list(self._actions(gate).items()))
        share, seconds = self.dice.choice(_SHARES), self.dice.uniform(0.5, 8)
        hits = Random(self.dice.random())
        with self.logged(f"S3 {name}, {share:.0%} of the requests for {seconds:.1f} s"):
            rule = self.site.proxy.faults.rule(ANY, None, action, lambda _: hits.random() < share)
            await asyncio.sleep(seconds)
            self.site.proxy.faults.clear()
            gate.opened.set()
        self.tally.counts["faults"] += rule.count

    def _actions(self, gate: Gate) -> dict[str, Action]:
        """Return the faults of S3 by name. The two silent ones hold each request until `gate` opens, then break its
        connection or pass it on."""
        return {
            "away": s3faults.reset(),
            "silent": s3faults.hold(gate, s3faults.reset()),
            "silent and then there": s3faults.hold(gate),
            "failing": s3faults.error(500, "InternalError"),
            "failing after it did it": s3faults.after_forwarding(s3faults.error(500, "InternalError")),
            "asking to slow down": s3faults.error(503, "SlowDown"),
            "losing answers": s3faults.after_forwarding(s3faults.reset()),
            "answering by halves": s3faults.cut(),
            "slow to begin": s3faults.delay(self.dice.uniform(0.1, 2)),
            "slow": s3faults.throttle(_MIB),
            "behind a proxy that knows no path": s3faults.page(404, "404 page not found\n"),
            "behind a proxy that finds no S3": s3faults.page(502, "Bad Gateway\n"),
            "behind a proxy that lets no client in": s3faults.page(403, "Forbidden\n"),
        }


class Redis(Lane):
    """Troubles of the Redis that holds the state of a deployment's nodes: it ends and starts again, or stands still."""

    def events(self) -> Sequence[Event]:
        return (self._told_to_go, self._killed, self._paused)

    async def _told_to_go(self) -> None:
        await self._away(signal.SIGTERM)

    async def _killed(self) -> None:
        await self._away(signal.SIGKILL)

    async def _away(self, sig: signal.Signals) -> None:
        with self.logged(f"Redis away, after {sig.name}"):
            await asyncio.to_thread(self._redis.stop, sig)
            await asyncio.sleep(self.dice.choice((0, self.dice.uniform(0, 6))))
            await asyncio.to_thread(self._redis.start)

    async def _paused(self) -> None:
        seconds = self.dice.choice((self.dice.uniform(0.1, 2), self.dice.uniform(2, 2 * LOCK_TTL)))
        with self.logged(f"Redis stopped, {seconds:.1f} s"):
            await _stop_and_go(self._redis.pid, seconds)

    @property
    def _redis(self) -> RedisServer:
        assert self.site.redis is not None
        return self.site.redis


async def _stop_and_go(pid: int, seconds: float) -> None:
    """Stop the process for so many seconds, then let it go on; do nothing if it has ended."""
    with suppress(ProcessLookupError, psutil.NoSuchProcess):
        process = psutil.Process(pid)
        process.suspend()
        try:
            await asyncio.sleep(seconds)
        finally:
            process.resume()


async def _within(event: asyncio.Event, seconds: float) -> bool:
    """Return True if `event` is set within `seconds`."""
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)
    return event.is_set()
