"""Servers for the black-box tests: started once each, and ended the way production ends them.

All of it lives on one event loop, so that a test may also kill a server and start it again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio

from tests.support.s3proxy import S3Proxy
from tests.support.seaweed import SeaweedFS
from tests.support.sites import Site, local_site, s3_site
from tests.support.tus import TusClient


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def local(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """Everything as it comes."""
    async with local_site(tmp_path_factory.mktemp("local")) as site:
        yield site
        await site.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def s3(tmp_path_factory: pytest.TempPathFactory, seaweed: SeaweedFS, s3_proxy: S3Proxy) -> AsyncIterator[Site]:
    """Everything as it comes, on S3 behind `s3_proxy`."""
    async with s3_site(tmp_path_factory.mktemp("s3"), seaweed, s3_endpoint_url=s3_proxy.endpoint) as site:
        yield site
        await site.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def strict(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """Nothing optional, little patience, few bytes, and one origin, which may send cookies."""
    switches = {f"disable_{name}": True for name in ("termination", "concatenation", "download")}
    origins = {"cors_allow_origin": r"https://app\.example", "cors_allow_credentials": True}
    limits = {"max_size": 1000, "network_timeout": 0.5, "expire_after": 0}
    async with local_site(tmp_path_factory.mktemp("strict"), **switches, **origins, **limits) as site:
        yield site
        await site.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def fleeting(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """Unfinished uploads expire at once, and what is gone is 410."""
    async with local_site(tmp_path_factory.mktemp("fleeting"), expire_after=1, gone_status=410) as site:
        yield site
        await site.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def s3_proxy(seaweed: SeaweedFS) -> AsyncIterator[S3Proxy]:
    async with S3Proxy(seaweed.endpoint) as proxy:
        yield proxy


@pytest.fixture(params=["local", "s3"])
def site(request: pytest.FixtureRequest) -> Site:
    """The same on each storage."""
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Site)
    return found


@pytest_asyncio.fixture(loop_scope="session")
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30), auto_decompress=False) as session:
        yield session


@pytest.fixture
def tus(session: aiohttp.ClientSession, local: Site) -> TusClient:
    return TusClient(session, local.server.url)


@pytest.fixture
def tus_on(session: aiohttp.ClientSession, site: Site) -> TusClient:
    """On each storage."""
    return TusClient(session, site.server.url)


@pytest.fixture
def tus_s3(session: aiohttp.ClientSession, s3: Site) -> TusClient:
    return TusClient(session, s3.server.url)


@pytest.fixture
def tus_strict(session: aiohttp.ClientSession, strict: Site) -> TusClient:
    return TusClient(session, strict.server.url)


@pytest.fixture
def tus_fleeting(session: aiohttp.ClientSession, fleeting: Site) -> TusClient:
    return TusClient(session, fleeting.server.url)
