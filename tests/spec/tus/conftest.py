"""Servers for the tests of tus, and a client of each."""

from __future__ import annotations

import aiohttp
import pytest

from tests.support import sites
from tests.support.sites import Site
from tests.support.tus import TusClient

local = sites.local("local")
"""Default settings, on local disk."""
s3 = sites.on_s3("s3")
strict = sites.local(
    "strict",
    disable_termination=True,
    disable_concatenation=True,
    disable_download=True,
    cors_allow_origin=r"https://app\.example",
    cors_allow_credentials=True,
    max_size=1000,
    network_timeout=0.5,
    expire_after=0,
)
"""Optional features and expiry off, short timeouts, 1000 bytes at most, and one origin, which may send cookies."""
fleeting = sites.local("fleeting", expire_after=2, gone_status=410)
"""Unfinished uploads expire after 2 seconds, and an upload that is gone answers 410."""

tus = sites.client(TusClient, "local")
tus_s3 = sites.client(TusClient, "s3")
tus_strict = sites.client(TusClient, "strict")
tus_fleeting = sites.client(TusClient, "fleeting")


@pytest.fixture
def tus_on(session: aiohttp.ClientSession, site: Site) -> TusClient:
    """A client of the server `site`, once on local disk and once on S3."""
    return TusClient(session, site.server.url)
