"""Servers for the black-box tests of the IETF's protocol, started and ended as those for tus are."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest
import pytest_asyncio

from tests.support.rufh import RufhClient
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
    """On S3 behind `s3_proxy`, and telling all there is to tell on the way."""
    where = {"s3_endpoint_url": s3_proxy.endpoint, "rufh_interim": "on"}
    async with s3_site(tmp_path_factory.mktemp("s3"), seaweed, **where) as site:
        yield site
        await site.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def strict(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """Nothing optional, nothing on the way, little patience and few bytes."""
    switches = {f"disable_{name}": True for name in ("termination", "download")}
    limits = {"max_size": 1000, "network_timeout": 0.5, "expire_after": 0, "max_client_uploads": 1}
    async with local_site(tmp_path_factory.mktemp("strict"), **switches, **limits, rufh_interim="off") as site:
        yield site
        await site.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def fleeting(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """Unfinished uploads expire at once."""
    async with local_site(tmp_path_factory.mktemp("fleeting"), expire_after=1) as site:
        yield site
        await site.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def s3_proxy(seaweed: SeaweedFS) -> AsyncIterator[S3Proxy]:
    async with S3Proxy(seaweed.endpoint) as proxy:
        yield proxy


@pytest.fixture(autouse=True)
def no_fault_outlives_its_test(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test that failed must not take the next ones with it."""
    yield
    if "s3_proxy" in request.fixturenames:
        proxy = request.getfixturevalue("s3_proxy")
        assert isinstance(proxy, S3Proxy)
        proxy.reset()


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
def rufh(session: aiohttp.ClientSession, local: Site) -> RufhClient:
    return RufhClient(session, local.server.url)


@pytest.fixture
def rufh_on(session: aiohttp.ClientSession, site: Site) -> RufhClient:
    """On each storage."""
    return RufhClient(session, site.server.url)


@pytest.fixture
def rufh_s3(session: aiohttp.ClientSession, s3: Site) -> RufhClient:
    return RufhClient(session, s3.server.url)


@pytest.fixture
def rufh_strict(session: aiohttp.ClientSession, strict: Site) -> RufhClient:
    return RufhClient(session, strict.server.url)


@pytest.fixture
def rufh_fleeting(session: aiohttp.ClientSession, fleeting: Site) -> RufhClient:
    return RufhClient(session, fleeting.server.url)


@pytest.fixture
def tus(session: aiohttp.ClientSession, local: Site) -> TusClient:
    return TusClient(session, local.server.url)
