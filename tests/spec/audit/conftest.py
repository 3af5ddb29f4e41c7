"""Servers behind a proxy: one with `log-audit`, one without, and one that doesn't trust the proxy."""

from __future__ import annotations

from tests.support import sites
from tests.support.tus import TusClient

audited = sites.local("audited", behind_proxy=True, log_audit=True, log_format="json", expire_after=5, max_size=1000)
"""A server with `log-audit`, whose unfinished uploads expire after 5 s, and whose uploads have 1000 bytes at most."""
plain = sites.local("plain", behind_proxy=True, log_format="json")
"""A server without the setting `log-audit`."""
stranger = sites.local("stranger", behind_proxy=True, trusted_proxies="192.0.2.1", log_format="json")
"""A server that doesn't trust the proxy before it, as that isn't in its `trusted-proxies`."""

tus = sites.client(TusClient, "audited")
tus_plain = sites.client(TusClient, "plain")
tus_stranger = sites.client(TusClient, "stranger")
