"""Servers with low limits; those that limit each client take its address from X-Forwarded-For (`behind_proxy`), so
that a test chooses it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest_asyncio

from tests.support import sites
from tests.support.rufh import RufhClient
from tests.support.tus import TusClient

shared = sites.local("shared", behind_proxy=True, max_client_uploads=1, max_metadata_size="400KiB")
"""One request with upload bytes at a time from each client, and more metadata than by default."""
narrow = sites.local("narrow", behind_proxy=True, max_client_requests=1, max_uploads=1)
"""One request at a time from each client, without HEAD and OPTIONS, and one request with upload bytes at a time from
all clients together."""
strict = sites.local(
    "strict", max_metadata_size=64, max_partials=2, idle_timeout=0.5, network_timeout=1, min_data_rate=1000
)
"""Short timeouts, at most 64 bytes of metadata, and at most 2 partial uploads in a final one."""
dripped = sites.local("dripped", network_timeout=5, min_data_rate=1000)
"""A client that sends a body may pause for up to 5 seconds, and must reach 1000 bytes a second after 10 seconds."""
slow = sites.local("slow", behind_proxy=True, max_client_creations="4/h")
"""Four creations an hour from each client."""
few = sites.local("few", max_open_uploads=2, max_open_bytes=100, max_partial_uses=2, max_metadata_size=64)
"""Two unfinished uploads, 100 bytes in all of them, two uses of a partial upload in a final one, and 64 bytes of
metadata."""

tus_slow = sites.client(TusClient, "slow")
rufh_slow = sites.client(RufhClient, "slow")
tus_few = sites.client(TusClient, "few")
tus_shared = sites.client(TusClient, "shared")
tus_narrow = sites.client(TusClient, "narrow")
tus_strict = sites.client(TusClient, "strict")
tus_dripped = sites.client(TusClient, "dripped")


@pytest_asyncio.fixture(loop_scope="session")
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """A session that opens a new connection for each request."""
    connector = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=30)) as session:
        yield session
