"""The creation endpoint's URL, which Location is made from, the origin that the client used, and the request's id."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress

from aiohttp import web

from tusd_py.domain.refusals import Malformed
from tusd_py.http.forwarded import Trust

_HOST = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?")
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
"""The start of a request target in absolute form (RFC 9112, 3.2.2)."""
_PORT = re.compile(r"[0-9]{1,5}")
_HIGHEST_PORT = 65_535
_PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+)*")
_REQUEST_ID = re.compile(r"[\x21-\x7e]{1,128}")
CREATION = web.AppKey("creation", web.Resource)
"""The router's resource of the creation endpoint."""
_DEFAULT_PORTS = {"http": "80", "https": "443"}


def endpoint_url(request: web.Request, path: str, *, public: str | None, trust: Trust) -> str:
    """Return the creation endpoint's URL in the settings, `public`, as it is if set; else the absolute URL of `path`,
    with a slash at its end, below the origin and prefix that the client used.

    Raises Malformed if the request's scheme, host, port or prefix don't make a URL, or a proxy's header field is too
    long.
    """
    if public is not None:
        return public
    url_parts = trust.url_parts(request)
    prefix = _prefix(url_parts)
    return f"{_format_origin(*_authority(request, url_parts))}{prefix}{path.rstrip('/')}/"


def client_prefix(request: web.BaseRequest, trust: Trust) -> str:
    """Return the prefix of paths that a trusted proxy takes away and reports, such as `/a/b`; empty for none. Raises
    Malformed if it is not a path."""
    return _prefix(trust.url_parts(request))


def creation_path(request: web.Request) -> str:
    """Return the path of the creation endpoint, with the prefix at which the application is mounted; a proxy's prefix
    is not in it."""
    return request.app[CREATION].canonical


def creation_url(request: web.Request, *, public: str | None, trust: Trust) -> str:
    """Return the creation endpoint's absolute URL: `public` as it is if set, else a URL made from the request;
    empty if the request's scheme, host, port or prefix don't make a URL, or a proxy's header field is too long.
    """
    with suppress(Malformed):
        return endpoint_url(request, creation_path(request), public=public, trust=trust)
    return ""


def origin(request: web.BaseRequest, trust: Trust) -> str:
    """Return the origin that the client used, as `scheme://host`, with `:port` unless it is the scheme's default.
    Raises Malformed."""
    return _format_origin(*_authority(request, trust.url_parts(request)))


def host_name(request: web.BaseRequest, trust: Trust) -> str:
    """Return the host that the client used, without a port; an IPv6 address in brackets. Raises Malformed."""
    _, host, _ = _authority(request, trust.url_parts(request))
    return host


def target_of(request: web.BaseRequest) -> str:
    """Return the path and query of the request, as the client encoded them; of a target that is a whole URL, too."""
    return request.rel_url.raw_path_qs if _is_absolute(request) else request.raw_path


def _authority(request: web.BaseRequest, url_parts: Mapping[str, str]) -> tuple[str, str, str]:
    """Return the scheme, the host, and the port that the client used: from `url_parts`, which trusted proxies report,
    else from the request. The port is empty if it is the scheme's default. Raises Malformed."""
    scheme = url_parts.get("proto", request.scheme).lower()
    match = _HOST.fullmatch(url_parts.get("host", _sent_host(request)))
    port = url_parts.get("port", "")
    if scheme not in _DEFAULT_PORTS or match is None or not all(map(_is_port, filter(None, (port, match[2])))):
        raise Malformed("can't build a URL: the scheme, host or port in Host, X-Forwarded-* or Forwarded is not valid")
    port = match[2] or port
    return scheme, match[1], "" if port == _DEFAULT_PORTS[scheme] else port


def _prefix(url_parts: Mapping[str, str]) -> str:
    prefix = url_parts.get("prefix", "").rstrip("/")
    if not _PREFIX.fullmatch(prefix):
        raise Malformed("can't build a URL: X-Forwarded-Prefix is not a path")
    return prefix


def _sent_host(request: web.BaseRequest) -> str:
    """Return the host and port that the request names: those of its target if that is a whole URL (RFC 9112, 3.2.2),
    else those in Host, or without Host (HTTP/1.0) the address of this server's socket. aiohttp's `host` of a target has
    neither port nor brackets."""
    return (request.url.host_port_subcomponent or "") if _is_absolute(request) else request.host


def _is_absolute(request: web.BaseRequest) -> bool:
    return _ABSOLUTE.match(request.raw_path) is not None


def _is_port(text: str) -> bool:
    return _PORT.fullmatch(text) is not None and 0 < int(text) <= _HIGHEST_PORT


def _format_origin(scheme: str, host: str, port: str) -> str:
    return f"{scheme}://{host}:{port}" if port else f"{scheme}://{host}"


def request_id(request: web.BaseRequest) -> str | None:
    """Return the X-Request-ID that a proxy or the client sent; None without one, or if it isn't 1 to 128 printable
    ASCII characters without blanks."""
    sent_id = request.headers.get("X-Request-ID", "")
    return sent_id if _REQUEST_ID.fullmatch(sent_id) else None
