"""Servers for the tests of the IETF's protocol, and a client of each."""

from __future__ import annotations

import aiohttp
import pytest

from tests.support import sites
from tests.support.rufh import RufhClient
from tests.support.sites import Site
from tests.support.tus import TusClient

local = sites.local("local")
"""Default settings, on local disk."""
s3 = sites.on_s3("s3", ietf_interim_responses="on")
"""On S3, with interim responses for each client that knows them, also where `auto` would leave them out."""
strict = sites.local(
    "strict",
    disable_termination=True,
    disable_download=True,
    max_size=1000,
    network_timeout=0.5,
    expire_after=0,
    max_client_uploads=1,
    ietf_interim_responses="off",
)
"""No termination, downloads, expiry or interim responses; a short timeout, uploads of 1000 bytes at most, and one
request with upload bytes at a time from each client."""
fleeting = sites.local("fleeting", expire_after=1)
"""Unfinished uploads expire after one second."""

rufh = sites.client(RufhClient, "local")
rufh_s3 = sites.client(RufhClient, "s3")
rufh_strict = sites.client(RufhClient, "strict")
rufh_fleeting = sites.client(RufhClient, "fleeting")
tus = sites.client(TusClient, "local")


@pytest.fixture
def rufh_on(session: aiohttp.ClientSession, site: Site) -> RufhClient:
    """A client of the server `site`, once on local disk and once on S3."""
    return RufhClient(session, site.server.url)
