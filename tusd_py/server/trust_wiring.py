"""The assembly, from settings, of what says which proxies, clients and pages the server trusts."""

from __future__ import annotations

import re

from tusd_py.config import Settings
from tusd_py.config.addresses import reachable_addresses
from tusd_py.http.cors import Cors
from tusd_py.http.forwarded import Trust
from tusd_py.http.local_access import LocalAccess


def cors_rule(settings: Settings) -> Cors | None:
    """Return the rule for pages of other origins; None with the setting `disable-cors`, as for a server behind a proxy
    that sends the CORS header fields."""
    if settings.disable_cors:
        return None
    return Cors(
        allow_origin=settings.cors_allow_origin,
        allow_credentials=settings.cors_allow_credentials,
        allow_headers=settings.cors_allow_headers,
    )


def proxy_trust(settings: Settings) -> Trust:
    networks = settings.trusted_proxies if settings.behind_proxy else ()
    return Trust(networks=networks, family=settings.proxy_headers)


def named_origins(settings: Settings) -> re.Pattern[str] | None:
    """Return the pattern of origins that the operator has named; None if `cors-allow-origin` isn't set."""
    return settings.cors_allow_origin if "cors_allow_origin" in settings.model_fields_set else None


def local_access(settings: Settings, trust: Trust) -> LocalAccess | None:
    """Return the rule that tells which clients may see all uploads without `auth`; None if the server listens on an
    address that other machines can reach."""
    if reachable_addresses(settings.addresses):
        return None
    return LocalAccess(trust=trust, hosts=settings.allowed_hosts, origins=named_origins(settings))
