"""Several nodes that share a state and a bucket, and clients that never know which of them answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from random import choice
from typing import Any

import aiohttp
from redis import Redis

from devtools.seaweed import SeaweedFS
from tests.support.bucket import upload_id
from tests.support.exchange import Answer, Body
from tests.support.node import Node
from tests.support.s3proxy import S3Proxy
from tests.support.server import Server
from tests.support.tus import TusClient, until
from tests.support.writing import random_bytes

MIB = 1024 * 1024
TTL = 2.0
PART = 5 * MIB
COUNT = PART + MIB
"""Bytes that a writer has brought when it falls silent: a part, and some of the next."""
DATA = random_bytes(2 * PART + MIB)


class Roamer(TusClient):
    """A client that sends each request to a random one of `servers`; the clients of a fleet open a new connection for
    each request."""

    def __init__(self, session: aiohttp.ClientSession, servers: list[Server]) -> None:
        super().__init__(session, servers[0].url)
        self.servers = servers

    async def send(self, method: str, url: str, body: Body, fields: Mapping[str, str]) -> Answer:
        node_url = choice(self.servers).url + upload_id(url)
        return await super().send(method, node_url, body, fields)


class Fleet:
    """A set of running servers: the tests trouble `first`; `followers` are the others, and `elsewhere` is a client of
    those alone."""

    def __init__(self, node: Node, servers: list[Server], session: aiohttp.ClientSession, redis: str | None) -> None:
        self.node = node
        self.s3 = node.s3
        self.first, *self.followers = servers
        self.anyone = Roamer(session, servers)
        self.elsewhere = Roamer(session, self.followers)
        self.terminated = list[str]()
        """The URLs of terminated uploads for which a fleet's last test calls `until_forgotten`, as that takes half a
        minute."""
        self._redis = redis

    def at_first(self, url: str) -> str:
        """The upload's URL at the first server."""
        return self.first.url + upload_id(url)

    async def until_received(self, count: int) -> None:
        """Wait until the first server has received `count` bytes of request bodies since its start. Raises
        TimeoutError."""
        await self.node.until_received(count)

    async def sweep(self) -> None:
        """Run `tusd-py uploads collect-garbage`, as an operator would."""
        outcome = await self.followers[0].command("uploads", "collect-garbage")
        assert outcome.code == 0, outcome

    async def objects(self, url: str) -> list[str]:
        """Return the keys of the upload's objects in the bucket, among them segments, and `multipart KEY` for each of
        its open multipart uploads."""
        return [key for key in await self.node.residue() if upload_id(url) in key]

    async def until_forgotten(self, url: str) -> None:
        """Wait until neither the bucket nor the state holds anything of the upload: after trouble, the record of a
        terminated upload is kept for a while. Raises TimeoutError after 90 seconds."""

        async def forgotten() -> bool:
            return not await self.objects(url) and not self._remembered(upload_id(url))

        await until(forgotten, within=90)  # what saw trouble is remembered until nothing can come of it any more

    def _remembered(self, name: str) -> list[str]:
        if self._redis is None:
            return [row for row in self.node.remembered() if name in row]
        with Redis.from_url(self._redis) as client:
            return [str(key) for key in client.scan_iter(f"*{name}*")]


@asynccontextmanager
async def running_fleet(
    seaweed: SeaweedFS, directory: Path, count: int, redis: str | None, **settings: Any
) -> AsyncIterator[Fleet]:
    """Run `count` servers that share a bucket and the state at `redis`, a URL, or SQLite if it is None; kill them in
    the end."""
    shared = {} if redis is None else {"state": redis}
    async with AsyncExitStack() as stack:
        proxy = await stack.enter_async_context(S3Proxy(seaweed.endpoint))
        node = Node(seaweed, proxy, directory, lock_ttl=TTL, part_size=PART, **shared, **settings)
        servers = [node.server, *(node.new_server() for _ in range(count - 1))]
        for server in servers:
            stack.push_async_callback(server.kill)
        for server in servers:
            await server.start()
        connector = aiohttp.TCPConnector(force_close=True, limit=0)
        session = aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=30))
        yield Fleet(node, servers, await stack.enter_async_context(session), redis)
