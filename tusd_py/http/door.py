"""Which requests are let in at all: for hosts that are ours, and from pages that may change something here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import hdrs, web

from tusd_py.domain.refusals import Forbidden, Misdirected, UnsupportedCoding
from tusd_py.http.cors import Cors
from tusd_py.http.endpoint import host_name, origin
from tusd_py.http.forwarded import Trust

_READING = frozenset({hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_OPTIONS})
_CHUNKED = "chunked"
PROBES = frozenset({"/healthz", "/readyz"})
"""Asked by whatever address the one who asks knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Host names that the server answers to, with `*` for any characters (none for any name), and origins."""

    hosts: Sequence[str]
    cors: Cors | None
    trust: Trust

    def check(self, request: web.Request) -> None:
        """Raises Misdirected, Forbidden, UnsupportedCoding, Malformed."""
        if self.hosts and request.path not in PROBES and not self._is_ours(request):
            raise Misdirected
        if request.method not in _READING:
            self.check_origin(request)
            _check_coding(request)

    def check_origin(self, request: web.Request) -> None:
        """For a request that changes something, with or without a preflight. Raises Forbidden, Malformed.

        Pages of other sites send some requests without asking first (Fetch standard, "simple" requests).
        """
        named = request.headers.get(hdrs.ORIGIN)
        foreign = request.headers.get("Sec-Fetch-Site") == "cross-site"
        if named is None and foreign and request.headers.get("Sec-Fetch-Mode") == "no-cors":
            raise Forbidden("a page of another site can't do this")
        if self.cors is None or named is None or self.cors.allows(named) or named == origin(request, self.trust):
            return
        raise Forbidden("pages of this origin can't change anything here")

    def _is_ours(self, request: web.Request) -> bool:
        name = host_name(request, self.trust).lower()
        return any(re.fullmatch(re.escape(each.lower()).replace(r"\*", ".*"), name) for each in self.hosts)


def _check_coding(request: web.Request) -> None:
    """aiohttp undoes `chunked` alone, where that is the last one (RFC 9112, 6.1). Raises UnsupportedCoding."""
    if request.headers.get(hdrs.TRANSFER_ENCODING, _CHUNKED).lower() != _CHUNKED:
        raise UnsupportedCoding
