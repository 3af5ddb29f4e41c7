"""Servers for the black-box tests of uploads that go straight to S3.

The requests of the server `s3` go through `s3_proxy`, those of clients do not: signed URLs name S3 as clients see it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio

from devtools.seaweed import SeaweedFS
from tests.support import sites
from tests.support.direct import DirectClient
from tests.support.s3proxy import S3Proxy
from tests.support.sites import Site, s3_site
from tests.support.tus import TusClient


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def s3(tmp_path_factory: pytest.TempPathFactory, seaweed: SeaweedFS, s3_proxy: S3Proxy) -> AsyncIterator[Site]:
    """A server with direct uploads that reaches S3 through `s3_proxy`, but signs URLs of S3 itself for its clients."""
    where = {"s3_endpoint_url": s3_proxy.endpoint, "s3_public_url": seaweed.endpoint}
    async with s3_site(tmp_path_factory.mktemp("s3"), seaweed, **where, direct_uploads=True) as site:
        yield site
        await site.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def strict(tmp_path_factory: pytest.TempPathFactory, seaweed: SeaweedFS) -> AsyncIterator[Site]:
    """A server with direct uploads of 6 MiB at most, a public URL, a template of keys and one allowed origin, which
    lets no client terminate uploads."""
    limits = {"max_size": "6MiB", "disable_termination": True}
    where = {"public_url": "https://files.example/up", "object_key": "{year}/{id}/{filename}"}
    origins = {"cors_allow_origin": r"https://app\.example", "cors_allow_credentials": True}
    directory = tmp_path_factory.mktemp("strict")
    async with s3_site(directory, seaweed, direct_uploads=True, **limits, **where, **origins) as site:
        yield site
        await site.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def fleeting(tmp_path_factory: pytest.TempPathFactory, seaweed: SeaweedFS) -> AsyncIterator[Site]:
    """A server whose unfinished direct uploads expire after 6 s, and whose signatures expire after 4 s."""
    directory = tmp_path_factory.mktemp("fleeting")
    async with s3_site(directory, seaweed, direct_uploads=True, expire_after=6, upload_url_lifetime="4s") as site:
        yield site
        await site.stop()


@pytest.fixture
def direct(session: aiohttp.ClientSession, s3: Site) -> DirectClient:
    return DirectClient(session, s3.server.url)


@pytest.fixture
def direct_strict(session: aiohttp.ClientSession, strict: Site) -> DirectClient:
    return DirectClient(session, strict.server.url)


@pytest.fixture
def direct_fleeting(session: aiohttp.ClientSession, fleeting: Site) -> DirectClient:
    return DirectClient(session, fleeting.server.url)


tus = sites.client(TusClient, "s3")
