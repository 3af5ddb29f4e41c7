"""A server behind a proxy that writes down who was given what, and one that is told less."""

from __future__ import annotations

from tests.support import sites
from tests.support.tus import TusClient

audited = sites.local("audited", behind_proxy=True, log_audit=True, log_format="json", expire_after=5, max_size=1000)
"""Unfinished uploads expire at once."""
plain = sites.local("plain", behind_proxy=True, log_format="json")
"""As it comes."""
stranger = sites.local("stranger", behind_proxy=True, trusted_proxies="192.0.2.1", log_format="json")
"""Behind a proxy that it wasn't told of."""

tus = sites.client(TusClient, "audited")
tus_plain = sites.client(TusClient, "plain")
tus_stranger = sites.client(TusClient, "stranger")
