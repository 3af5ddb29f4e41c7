"""The URL that Location is made of, put together in one place, and what a request is called."""

from __future__ import annotations

import re
from collections.abc import Mapping

from aiohttp import web

from tusd_py.domain.refusals import Malformed
from tusd_py.http.forwarded import Trust

_HOST = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?")
_PORT = re.compile(r"[0-9]{1,5}")
_HIGHEST_PORT = 65_535
_PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+)*")
_REQUEST_ID = re.compile(r"[\x21-\x7e]{1,128}")
_DEFAULT_PORTS = {"http": "80", "https": "443"}


def endpoint_url(request: web.Request, path: str, *, public: str | None, trust: Trust) -> str:
    """Absolute, with a slash at its end; `path` is its own, as asked for.

    Raises Malformed when the request's own words don't make a URL.
    """
    if public is not None:
        return public
    told = trust.told(request)
    prefix = told.get("prefix", "").rstrip("/")
    if not _PREFIX.fullmatch(prefix):
        raise Malformed("the prefix this request was sent to can't be told from it")
    return f"{_joined(*_authority(request, told))}{prefix}{path.rstrip('/')}/"


def origin(request: web.BaseRequest, trust: Trust) -> str:
    """Scheme, host and port that the client used, without the scheme's own port. Raises Malformed."""
    return _joined(*_authority(request, trust.told(request)))


def host_name(request: web.BaseRequest, trust: Trust) -> str:
    """The host alone that the client used, an IPv6 address in brackets. Raises Malformed."""
    _, host, _ = _authority(request, trust.told(request))
    return host


def _authority(request: web.BaseRequest, told: Mapping[str, str]) -> tuple[str, str, str]:
    """Scheme, host, and port where it isn't the scheme's own. Raises Malformed."""
    scheme = told.get("proto", request.scheme).lower()
    named = _HOST.fullmatch(told.get("host", request.host))
    port = told.get("port", "")
    if scheme not in _DEFAULT_PORTS or named is None or not all(map(_is_port, filter(None, (port, named[2])))):
        raise Malformed("the host this request was sent to can't be told from it")
    port = named[2] or port
    return scheme, named[1], "" if port == _DEFAULT_PORTS[scheme] else port


def _is_port(text: str) -> bool:
    return _PORT.fullmatch(text) is not None and 0 < int(text) <= _HIGHEST_PORT


def _joined(scheme: str, host: str, port: str) -> str:
    return f"{scheme}://{host}:{port}" if port else f"{scheme}://{host}"


def request_id(request: web.BaseRequest) -> str | None:
    """What a proxy or a client calls this request, if it can be repeated."""
    told = request.headers.get("X-Request-ID", "")
    return told if _REQUEST_ID.fullmatch(told) else None
