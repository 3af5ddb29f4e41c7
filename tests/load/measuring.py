"""A server whose memory is measured, on a machine that is busy."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devtools.part import mortal
from devtools.seaweed import SeaweedFS
from tests.support.bucket import Bucket
from tests.support.node import client_of, watched_memory
from tests.support.server import Server, serving
from tests.support.tus import TusClient

MIB = 1024 * 1024
CONNECTION = 32 * 1024
"""Bytes that a connection may take on top of the budget."""
LEAVES = 96 * 1024
"""Bytes that a closed connection may leave behind: Python gives a block of its heap back only once no object is in
it."""
_ABOVE, _LEFT = 1.15, 0.15
"""Multiples of the budget that a crowd may take, and that may be left once it has gone."""
_HEAP = 16 * MIB
"""Bytes that may always be left, however small the budget: pages of the heap in which a few objects live on."""
_WARM, _AT_A_TIME = 12 * MIB, 4
_QUIET = 3.0
"""Seconds after the last request until a server has given back the memory that it will."""
_WITHIN = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A warmed-up server, its memory when idle (bytes) and its memory budget (bytes)."""

    server: Server
    idle: int
    budget: int

    def check(self, samples: Sequence[int], connections: int) -> None:
        """Check that no sample of the memory, in bytes, exceeds its value when idle by more than 1.15 times the budget
        plus 32 KiB for each of so many connections. Print the highest sample and this bound."""
        peak, limit = max(samples), self.idle + int(_ABOVE * self.budget) + CONNECTION * connections
        print(f"idle {self.idle / MIB:.0f}, at most {peak / MIB:.0f} of {limit / MIB:.0f} MiB")
        assert peak <= limit, f"{peak / MIB:.0f} MiB, where {limit / MIB:.0f} are allowed"

    async def check_given_back(self, connections: int) -> None:
        """Check that within 30 seconds the server's memory falls to this bound: its value when idle, plus 15 % of the
        budget but at least 16 MiB, 96 KiB for each of `connections` that were open, and 1.15 times the bytes that the
        memory budget still counts, such as cached tails."""
        until = time.monotonic() + _WITHIN
        while (rss := self.server.rss()) > (limit := await self._idle_limit(connections)):
            if time.monotonic() > until:
                break
            await asyncio.sleep(0.2)
        print(f"then {rss / MIB:.0f} of {limit / MIB:.0f} MiB")
        assert rss <= limit, f"{rss / MIB:.0f} MiB are left, where {limit / MIB:.0f} are allowed"

    async def _idle_limit(self, connections: int) -> int:
        buffered = await self.server.metric("buffer_bytes")
        return self.idle + max(int(_LEFT * self.budget), _HEAP) + int(_ABOVE * buffered) + LEAVES * connections


@asynccontextmanager
async def measured(seaweed: SeaweedFS, directory: Path, budget: int, **settings: Any) -> AsyncIterator[Measured]:
    """Yield a server on S3 with this memory budget, warmed up by a few uploads. While the block lasts, other processes
    keep each core busy. At the end, check that the log has no traceback."""
    bucket = Bucket(seaweed)
    environment = {**bucket.environment, **settings.pop("environment", {})}
    how = {**bucket.settings, "memory_budget": budget, **settings}
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(serving(directory, environment=environment, forked=False, **how))
        async with client_of(server) as client:
            await asyncio.gather(*(_use(client) for _ in range(_AT_A_TIME)))
        await asyncio.sleep(_QUIET)
        idle = server.rss()
        await stack.enter_async_context(busy())
        yield Measured(server=server, idle=idle, budget=budget)
        assert "Traceback" not in server.log()


async def _use(client: TusClient) -> None:
    url = await client.create(_WARM)
    await client.patch(url, 0, bytes(_WARM))
    assert len(await client.content(url)) == _WARM
    await client.terminate(url)


@asynccontextmanager
async def busy() -> AsyncIterator[None]:
    """Keep each core busy with other processes while the block lasts."""
    command = mortal(sys.executable, "-c", "while True: pass")
    burning = [await asyncio.create_subprocess_exec(*command) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for process in burning:
            process.kill()
            await process.wait()


__all__ = ["MIB", "Measured", "busy", "measured", "watched_memory"]
