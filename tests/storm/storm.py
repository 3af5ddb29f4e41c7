"""The storm itself, from its first client to the final check."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import psutil

from devtools.seaweed import SeaweedFS
from tests.storm.aftermath import Aftermath
from tests.storm.crowd import Crowd
from tests.storm.history import Tally
from tests.storm.weather import blow
from tests.storm.world import Site, open_world

_FINISHING = 300.0
"""Seconds that clients get to finish once the trouble has ended."""
_SETTLING = 150.0
"""Seconds, on top of `expire_after`, that the final check waits until only finished uploads are left, before it reports
the rest."""


async def storm(
    seaweed: SeaweedFS, directory: Path, *, seed: int, seconds: float, clients: int = 100, expire_after: float = 60.0
) -> Tally:
    """Run `clients` clients at a time, shared equally among the deployments, through `seconds` of trouble; return
    counts and findings, those of the final check included."""
    async with open_world(seaweed, directory, expire_after) as sites, _session() as session:
        tally = Tally(directory / "weather.log")
        crowds = [Crowd(site, session, seed, tally) for site in sites]
        async with _watched(sites, seaweed, tally):
            await _blow(crowds, seed, seconds, clients // len(sites), tally)
            await asyncio.gather(
                *(Aftermath(crowd, seaweed, tally).judge(expire_after + _SETTLING) for crowd in crowds)
            )
        return tally


async def _blow(crowds: Sequence[Crowd], seed: int, seconds: float, places: int, tally: Tally) -> None:
    over = asyncio.Event()
    working = [asyncio.create_task(crowd.run(places, over)) for crowd in crowds]
    weather = [asyncio.create_task(blow(crowd.site, seed, tally, over)) for crowd in crowds]
    try:
        await asyncio.wait([*working, *weather], timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
        over.set()
        for crowd in crowds:
            crowd.hurry()
        await asyncio.gather(*weather)
        await asyncio.wait(working, timeout=_FINISHING, return_when=asyncio.FIRST_EXCEPTION)
        _tell_the_stuck(crowds)
    finally:
        for task in (*working, *weather):
            task.cancel()
        await asyncio.wait([*working, *weather])
    for task in working:
        with suppress(asyncio.CancelledError):
            task.result()


def _tell_the_stuck(crowds: Sequence[Crowd]) -> None:
    for crowd in crowds:
        for name in sorted(crowd.at_work):
            crowd.report(crowd.clients[name], f"unfinished {_FINISHING:.0f} s after the weather calmed down")


@asynccontextmanager
async def _session() -> AsyncIterator[aiohttp.ClientSession]:
    """Yield a session with a new connection for each request, without a timeout and without aiohttp's own retries."""
    connector = aiohttp.TCPConnector(force_close=True, limit=0)
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout, auto_decompress=False) as session:
        session._retry_connection = False
        yield session


@asynccontextmanager
async def _watched(sites: Sequence[Site], seaweed: SeaweedFS, tally: Tally) -> AsyncIterator[None]:
    """While the block runs, sample the servers' memory and count the requests to S3 every second, and every minute have
    SeaweedFS give back the disk space of deleted objects."""

    async def watch() -> None:
        while True:
            for site in sites:
                _sample(site, tally)
                tally.counts["S3 requests"] += site.file_calls()
            await asyncio.sleep(1)

    async def vacuum() -> None:
        while True:
            await asyncio.sleep(60)
            await asyncio.to_thread(seaweed.vacuum)

    tasks = [asyncio.create_task(watch()), asyncio.create_task(vacuum())]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    for task in tasks:
        with suppress(asyncio.CancelledError):
            task.result()


def _sample(site: Site, tally: Tally) -> None:
    """Note the memory of each process that serves. While a server is away, or while one of its processes starts or
    ends, some or all of its processes are left out."""
    for server in site.servers:
        with suppress(RuntimeError, psutil.Error):
            for pid in site.processes(server):
                tally.memory(site.name, psutil.Process(pid).memory_info().rss)


def summarise(tally: Tally, began: float) -> str:
    """Return a summary of the storm as lines of text: the counts, the memory peaks, the number of findings, and the
    seconds since `began` (monotonic)."""
    lines = [f"{count:>9,}  {counted}" for counted, count in sorted(tally.counts.items())]
    peaks = [f"{peak / 1024 / 1024:>7.0f} MiB at most in a process on {site}" for site, peak in tally.peaks.items()]
    took = f"{len(tally.findings)} findings in {time.monotonic() - began:.0f} s"
    return "\n".join([*lines, *peaks, took])
