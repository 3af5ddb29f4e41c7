"""The first checks of a request: its host is served here, its transfer coding can be decoded, and, unless it only
reads, the page that sent it may change something here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import hdrs, web

from tusd_py.domain.refusals import Forbidden, Misdirected, UnsupportedCoding
from tusd_py.http.cors import Cors
from tusd_py.http.endpoint import host_name, origin
from tusd_py.http.forwarded import Trust

_READING = frozenset({hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_OPTIONS})
_CHUNKED = "chunked"
_ELSEWHERE = "a page of another site can't do this"
PROBES = frozenset({"/healthz", "/readyz"})
"""Paths that are answered for any host name: health checks use an address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFilter:
    """The first checks of requests. `hosts` are the host names that the server answers to (`*` stands for any
    characters; empty, any name); `cors` has the origins whose pages, in addition to this server's own, may change
    something here, and None stands for any."""

    hosts: Sequence[str]
    cors: Cors | None
    trust: Trust

    def check(self, request: web.Request) -> None:
        """Check the host of a request, except for health checks (`PROBES`), its origin, unless it only reads (GET,
        HEAD, OPTIONS), and its transfer coding. Raises Misdirected (host), Forbidden (origin), UnsupportedCoding,
        Malformed.
        """
        if self.hosts and request.path not in PROBES and not self._is_served_host(request):
            raise Misdirected
        if request.method not in _READING:
            self.check_origin(request)
        _check_coding(request)

    def check_origin(self, request: web.Request) -> None:
        """Raise Forbidden if the page that sent the request may not change anything here: its Origin is neither allowed
        by `cors` nor this server's, or there is none, but the browser says that a page of another site sent the request
        without CORS (Sec-Fetch-Site, Sec-Fetch-Mode). Raises Malformed.

        Without `cors`, every Origin is allowed. Pages of other sites send some requests without a preflight (Fetch
        standard, "simple" requests).
        """
        page_origin = request.headers.get(hdrs.ORIGIN)
        if _is_from_elsewhere(request) and request.headers.get("Sec-Fetch-Mode") == "no-cors":
            raise Forbidden(_ELSEWHERE)
        if self.cors is None or page_origin is None or self.cors.allows(page_origin):
            return
        if page_origin == origin(request, self.trust):
            return
        raise Forbidden("pages of this origin can't change anything here")

    def check_origin_of_get(self, request: web.Request) -> None:
        """Raise Forbidden if the page that sent a GET may not change anything here: it fails `check_origin`, or the
        browser says that it is of another site, but sends no Origin, as for a link, a frame or a new window. Raises
        Malformed as `check_origin` does."""
        if _is_from_elsewhere(request):
            raise Forbidden(_ELSEWHERE)
        self.check_origin(request)

    def _is_served_host(self, request: web.Request) -> bool:
        return fits(host_name(request, self.trust), self.hosts)


def _is_from_elsewhere(request: web.Request) -> bool:
    """Return True if the browser says that a page of another site sent the request (Sec-Fetch-Site), but sends no
    Origin."""
    return hdrs.ORIGIN not in request.headers and request.headers.get("Sec-Fetch-Site") == "cross-site"


def fits(name: str, hosts: Sequence[str]) -> bool:
    """Return True if the host name is one of `hosts`, in which `*` stands for any characters; case doesn't count."""
    return any(_matches(pattern.lower(), name.lower()) for pattern in hosts)


def _matches(pattern: str, name: str) -> bool:
    """Return True if the name fits the pattern, in which `*` stands for any characters, in linear time."""
    begin, *pieces = pattern.split("*")
    if not pieces:
        return name == pattern
    *parts, end = pieces
    position, last = len(begin), len(name) - len(end)
    for part in parts:
        place = name.find(part, position, max(last, 0))
        if place < 0:
            return False
        position = place + len(part)
    return name.startswith(begin) and name.endswith(end) and position <= last


def _check_coding(request: web.Request) -> None:
    """Raise UnsupportedCoding for a Transfer-Encoding but `chunked`: aiohttp decodes no other (RFC 9112, 6.1)."""
    if request.headers.get(hdrs.TRANSFER_ENCODING, _CHUNKED).lower() != _CHUNKED:
        raise UnsupportedCoding
