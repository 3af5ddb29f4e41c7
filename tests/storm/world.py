"""Two deployments at once, as production has them: two workers on SQLite, and two nodes on Redis.

Each has its own prefix in one real S3, and a proxy on the way there that breaks what it is told to break.
"""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from devtools.redis import RedisServer
from devtools.seaweed import SeaweedFS
from tests.support.node import MIB, Node
from tests.support.s3exchange import Call
from tests.support.s3proxy import S3Proxy
from tests.support.server import Server

BUDGET = 64 * MIB
LOCK_TTL = 4.0
SIGNED_FOR = 30.0
"""Seconds for which signed URLs and forms of direct uploads are valid."""
_UPLOAD = re.compile("[0-9a-f]{32}(?!.*[0-9a-f]{32})")
"""A pattern that finds the upload's id in a key: the last run of 32 hex digits, as the prefix before it is such a run
too. In the key of the installation's id, it finds the prefix."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One deployment: its servers, their state, and the proxy before S3."""

    name: str
    node: Node
    """The first server, with the deployment's prefix and state."""
    proxy: S3Proxy
    servers: Sequence[Server]
    redis: RedisServer | None
    expire_after: float
    """Seconds after which an unfinished upload expires."""
    _filed: dict[str, deque[str]] = field(default_factory=lambda: defaultdict(lambda: deque(maxlen=200)))

    def file_calls(self) -> int:
        """Take the calls that the proxy has got since the last time, and file those about an upload by its id, the
        latest 200 for each. Return the number of all calls taken."""
        calls, self.proxy.calls[:] = list(self.proxy.calls), []
        for call in calls:
            if match := _UPLOAD.search(call.key):
                self._filed[match[0]].append(_line(call))
        return len(calls)

    def calls(self, upload: str) -> Sequence[str]:
        """Return report lines of the latest calls to S3 about the upload with that id, 200 at most."""
        self.file_calls()
        return list(self._filed.get(upload, ()))

    def processes(self, server: Server) -> list[int]:
        """Return the pids of the server's processes that serve: its workers, or the process that was started if it has
        none. Raises ServerError if the server isn't running; psutil.Error if a process ends meanwhile."""
        workers = [worker for worker in psutil.Process(server.pid).children(recursive=True) if _serves(worker)]
        return [worker.pid for worker in workers] or [server.pid]


def _serves(process: psutil.Process) -> bool:
    """Return True for a worker, False for multiprocessing's resource tracker, which is a child of the server too."""
    return "spawn_main" in " ".join(process.cmdline())


@asynccontextmanager
async def open_world(seaweed: SeaweedFS, directory: Path, expire_after: float) -> AsyncIterator[list[Site]]:
    """Yield two deployments, started: two workers on SQLite, and two nodes on Redis. Their servers are killed when the
    block ends."""
    async with AsyncExitStack() as stack:
        redis = stack.enter_context(RedisServer(_make(directory / "redis-data"), durable=True))
        sites = []
        for name, count, store, settings in (
            ("sqlite", 1, None, {"workers": 2}),
            ("redis", 2, redis, {"state": redis.url}),
        ):
            proxy = await stack.enter_async_context(S3Proxy(seaweed.endpoint))
            node = Node(seaweed, proxy, _make(directory / name), **_usual(expire_after), **settings)
            servers = [node.server, *(node.new_server() for _ in range(count - 1))]
            sites.append(
                Site(name=name, node=node, proxy=proxy, servers=servers, redis=store, expire_after=expire_after)
            )
        for server in (server for site in sites for server in site.servers):
            stack.push_async_callback(server.kill)
            await server.start()
        yield sites


def _line(call: Call) -> str:
    """Return a line of a report: the time, the request, and the status that the proxy has sent to the server; None if
    it has sent none yet, or broke off instead."""
    number = call.request.query.get("partNumber", "")
    request = f"{call.operation} {number} {call.key.partition('/')[2]} {call.bytes_in} bytes -> {call.status}"
    return f"{datetime.fromtimestamp(call.began, UTC):%H:%M:%S.%f} {request}"


def _usual(expire_after: float) -> dict[str, Any]:
    return {
        "part_size": "5MiB",
        "memory_budget": BUDGET,
        "lock_ttl": LOCK_TTL,
        "expire_after": expire_after,
        "direct_uploads": True,
        "upload_url_lifetime": SIGNED_FOR,
        "shutdown_timeout": 10,
        "network_timeout": 20,
    }


def _make(directory: Path) -> Path:
    directory.mkdir(parents=True)
    return directory


async def until_started(server: Server, patience: float = 180.0) -> None:
    """Start the server, again after each failure as a supervisor does: Redis or S3 may be away just now. Raises
    TimeoutError after `patience` seconds."""
    async with asyncio.timeout(patience):
        while True:
            try:
                return await server.start()
            except RuntimeError:
                await asyncio.sleep(0.5)
