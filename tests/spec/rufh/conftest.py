"""Servers for the tests of the IETF's protocol, and a client of each."""

from __future__ import annotations

import aiohttp
import pytest

from tests.support import sites
from tests.support.rufh import RufhClient
from tests.support.sites import Site
from tests.support.tus import TusClient

local = sites.local("local")
"""Everything as it comes."""
s3 = sites.on_s3("s3", ietf_interim_responses="on")
"""Telling all there is to tell on the way."""
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
"""Nothing optional, nothing on the way, little patience and few bytes."""
fleeting = sites.local("fleeting", expire_after=1)
"""Unfinished uploads expire at once."""

rufh = sites.client(RufhClient, "local")
rufh_s3 = sites.client(RufhClient, "s3")
rufh_strict = sites.client(RufhClient, "strict")
rufh_fleeting = sites.client(RufhClient, "fleeting")
tus = sites.client(TusClient, "local")


@pytest.fixture
def rufh_on(session: aiohttp.ClientSession, site: Site) -> RufhClient:
    """On each storage."""
    return RufhClient(session, site.server.url)
