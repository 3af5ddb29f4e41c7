"""Fixtures of all black-box tests: the S3 proxy, HTTP sessions, and `site`, which runs a test with the servers `local`
and `s3` that the conftest.py of its directory starts.

The servers are started once each, and ended the way production ends them. Asynchronous fixtures and tests share one
event loop, so that a test may also kill a server and start it again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest
import pytest_asyncio

from devtools.seaweed import SeaweedFS
from tests.support.s3proxy import S3Proxy
from tests.support.sites import Site


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def s3_proxy(seaweed: SeaweedFS) -> AsyncIterator[S3Proxy]:
    async with S3Proxy(seaweed.endpoint) as proxy:
        yield proxy


@pytest.fixture(autouse=True)
def no_fault_outlives_its_test(request: pytest.FixtureRequest) -> Iterator[None]:
    """Reset the S3 proxy after each test that uses it, so that the faults of a failed test don't reach the next
    ones."""
    yield
    if "s3_proxy" in request.fixturenames:
        proxy = request.getfixturevalue("s3_proxy")
        assert isinstance(proxy, S3Proxy)
        proxy.reset()


@pytest.fixture(params=["local", "s3"])
def site(request: pytest.FixtureRequest) -> Site:
    """A server on local disk, and one on S3: the test runs with each."""
    chosen_site = request.getfixturevalue(request.param)
    assert isinstance(chosen_site, Site)
    return chosen_site


@pytest_asyncio.fixture(loop_scope="session")
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30), auto_decompress=False) as session:
        yield session
