"""Servers with little room, behind a proxy: each test's clients have addresses of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio

from tests.support.sites import Site, local_site
from tests.support.tus import TusClient


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """One upload at a time from each client, and more metadata than usual."""
    limits = {"behind_proxy": True, "max_client_uploads": 1, "max_metadata_size": "400KiB"}
    async with local_site(tmp_path_factory.mktemp("shared"), **limits) as site:
        yield site
        await site.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def narrow(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """One request at a time from each client, and one upload in all."""
    limits = {"behind_proxy": True, "max_client_requests": 1, "max_uploads": 1}
    async with local_site(tmp_path_factory.mktemp("narrow"), **limits) as site:
        yield site
        await site.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def strict(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """Little patience and short lists."""
    times = {"idle_timeout": 0.5, "network_timeout": 1, "min_data_rate": 1000}
    async with local_site(tmp_path_factory.mktemp("strict"), max_metadata_size=64, max_partials=2, **times) as site:
        yield site
        await site.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    connector = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=30)) as session:
        yield session


@pytest.fixture
def tus_shared(session: aiohttp.ClientSession, shared: Site) -> TusClient:
    return TusClient(session, shared.server.url)


@pytest.fixture
def tus_narrow(session: aiohttp.ClientSession, narrow: Site) -> TusClient:
    return TusClient(session, narrow.server.url)


@pytest.fixture
def tus_strict(session: aiohttp.ClientSession, strict: Site) -> TusClient:
    return TusClient(session, strict.server.url)
