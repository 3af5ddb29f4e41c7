"""Two deployments beside each other, as production has them: two workers on SQLite, and two nodes on Redis.

Each has a prefix of its own in one real S3, and a proxy on the way there that breaks what it is told to break.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from tests.promises.bench import MIB, Node
from tests.support.redis import RedisServer
from tests.support.redis import running as redis_running
from tests.support.s3proxy import S3Proxy
from tests.support.seaweed import SeaweedFS
from tests.support.server import Server

BUDGET = 64 * MIB
LOCK_TTL = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One deployment."""

    name: str
    node: Node
    """Its prefix and its state."""
    proxy: S3Proxy
    servers: Sequence[Server]
    redis: RedisServer | None
    expire_after: float
    """Seconds."""

    def processes(self, server: Server) -> list[int]:
        """Pids of whatever serves: the workers, if it has any."""
        workers = [each for each in psutil.Process(server.pid).children(recursive=True) if _serves(each)]
        return [each.pid for each in workers] or [server.pid]


def _serves(process: psutil.Process) -> bool:
    """Beside the workers there is what multiprocessing watches its resources with."""
    return "spawn_main" in " ".join(process.cmdline())


@asynccontextmanager
async def open_world(seaweed: SeaweedFS, directory: Path, expire_after: float) -> AsyncIterator[list[Site]]:
    """Running, for as long as the block lasts."""
    async with AsyncExitStack() as stack:
        redis = stack.enter_context(redis_running(_made(directory / "redis-data"), durable=True))
        sites = []
        for name, count, store, settings in (
            ("sqlite", 1, None, {"workers": 2}),
            ("redis", 2, redis, {"state": redis.url}),
        ):
            proxy = await stack.enter_async_context(S3Proxy(seaweed.endpoint))
            node = Node(seaweed, proxy, _made(directory / name), **_usual(expire_after), **settings)
            servers = [node.server, *(node.another() for _ in range(count - 1))]
            sites.append(
                Site(name=name, node=node, proxy=proxy, servers=servers, redis=store, expire_after=expire_after)
            )
        for server in (server for site in sites for server in site.servers):
            stack.push_async_callback(server.kill)
            await server.start()
        yield sites


def _usual(expire_after: float) -> dict[str, Any]:
    return {
        "part_size": "5MiB",
        "memory_budget": BUDGET,
        "lock_ttl": LOCK_TTL,
        "expire_after": expire_after,
        "direct_uploads": True,
        "shutdown_timeout": 10,
        "network_timeout": 20,
        "debug": False,
    }


def _made(directory: Path) -> Path:
    directory.mkdir(parents=True)
    return directory


async def until_started(server: Server, patience: float = 180.0) -> None:
    """Started again and again, as a supervisor does: what it needs may be away just now."""
    async with asyncio.timeout(patience):
        while True:
            try:
                return await server.start()
            except RuntimeError:
                await asyncio.sleep(0.5)
