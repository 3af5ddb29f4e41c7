"""The rule for who may see all uploads, jobs and events of a server that checks no credentials: clients of this
machine, but no page of another site that a browser on this machine shows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from aiohttp import hdrs, web

from tusd_py.domain.access_refusals import Unauthenticated
from tusd_py.http.endpoint import host_name
from tusd_py.http.forwarded import Trust
from tusd_py.http.request_filter import fits

_LOCALHOST = ".localhost"
_FOREIGN = "cross-site"
"""The value of Sec-Fetch-Site (Fetch Metadata) for requests of pages of other sites."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalAccess:
    """The rule for who may see all uploads, jobs and events of a server that listens on loopback addresses alone and
    checks no credentials."""

    trust: Trust
    hosts: Sequence[str]
    """The host names (`allowed-hosts`; `*` stands for any characters) that this rule accepts, as well as IP addresses,
    localhost and names below it."""
    origins: re.Pattern[str] | None
    """The pattern of origins that the operator has named (`cors-allow-origin`), matched as a whole; None if there are
    none."""

    def check(self, request: web.Request) -> None:
        """Raise Unauthenticated if the client isn't on this machine; if the request's host, as sent or as a trusted
        proxy reports it, is neither an IP address, localhost, a name below localhost nor one of `hosts`, as another
        site may have given it this machine's address (DNS rebinding); or if the browser says that a page of another
        site, whose origin `origins` doesn't match, sent the request, except to open the answer as a document, which
        that page can't read. Raises Malformed if the host can't be read, or a proxy's header field is too long.
        """
        if not self.trust.is_local(request):
            raise Unauthenticated("without auth, this is told on loopback alone: set auth, or use 127.0.0.1")
        if not self._is_own_host(request):
            raise Unauthenticated("without auth, the host must be an IP address, localhost or one of allowed-hosts")
        if not self._is_trusted_page(request):
            raise Unauthenticated("without auth, a page of another site needs a cors-allow-origin that names it")

    def _is_own_host(self, request: web.Request) -> bool:
        """Return True if the request's host, both as sent and as a trusted proxy reports it, is an IP address,
        localhost, a name below it or one of `hosts`: any other name may be that of another site, which gave it this
        machine's address. The reported host alone proves nothing: if proxies on this machine are trusted, a page of
        that site can report a host, too. Raises Malformed."""
        hosts = host_name(request, Trust()), host_name(request, self.trust)
        return all(_is_local_name(host) or fits(host, self.hosts) for host in hosts)

    def _is_trusted_page(self, request: web.Request) -> bool:
        """Return True unless a browser says that a page of another site, whose origin `origins` doesn't match, sent the
        request and could use the answer. A link that opens the answer as a document (Sec-Fetch-Dest) tells the page
        nothing.
        """
        fields = request.headers
        if fields.get("Sec-Fetch-Site") != _FOREIGN or fields.get("Sec-Fetch-Dest") == "document":
            return True
        return self.origins is not None and self.origins.fullmatch(fields.get(hdrs.ORIGIN, "")) is not None


def _is_local_name(host: str) -> bool:
    """Return True for a host that no other site's name server can answer for: an IP address, in brackets if it is IPv6,
    or localhost and names below it (RFC 6761, 6.3), with or without a dot at the end.
    """
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return f".{host.lower().removesuffix('.')}".endswith(_LOCALHOST)
    return True
