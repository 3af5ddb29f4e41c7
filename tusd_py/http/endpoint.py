"""Where the client is, and where it thinks we are: its address, and the URL that Location is made of."""

from __future__ import annotations

import re
from collections.abc import Mapping

from aiohttp import web

from tusd_py.protocol.refusals import Malformed

_HOST = re.compile(r"[A-Za-z0-9._-]+(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?")
_PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+)*")
_PAIR = re.compile(r'\s*([A-Za-z]+)=("[^"]*"|[^;,"]*)\s*(?:;|$)')
_ADDRESS = re.compile(r"\[(.*)\](?::[0-9]+)?|([^:]*):[0-9]+")
_REQUEST_ID = re.compile(r"[\x21-\x7e]{1,128}")
_DEFAULT_PORTS = {"http": "80", "https": "443"}


def endpoint_url(request: web.Request, path: str, *, public: str | None, behind_proxy: bool) -> str:
    """Absolute, with a slash at its end; `path` is its own, as asked for.

    Raises Malformed when the request's own words don't make a URL.
    """
    if public is not None:
        return public
    scheme, host, prefix = request.scheme, request.host, ""
    if behind_proxy:
        told = _told_by_proxy(request.headers)
        scheme, host, prefix = told.get("proto", scheme), told.get("host", host), told.get("prefix", "")
    if scheme not in _DEFAULT_PORTS or not _HOST.fullmatch(host) or not _PREFIX.fullmatch(prefix):
        raise Malformed("the host this request was sent to can't be told from it")
    return f"{scheme}://{host}{prefix}{path.rstrip('/')}/"


def request_id(request: web.Request) -> str | None:
    """What a proxy or a client calls this request, if it can be repeated."""
    told = request.headers.get("X-Request-ID", "")
    return told if _REQUEST_ID.fullmatch(told) else None


def client_address(request: web.Request, *, behind_proxy: bool) -> str:
    """Who asks. Behind a proxy it is the last one named: what stands before it is only what the client said."""
    told = request.headers.getall("X-Forwarded-For", []) if behind_proxy else []
    return _without_port(",".join(told).rpartition(",")[2].strip()) or request.remote or ""


def _without_port(address: str) -> str:
    """Some proxies add the client's port, which is another for each connection."""
    named = _ADDRESS.fullmatch(address)
    return address if named is None else named[1] or named[2]


def _told_by_proxy(headers: Mapping[str, str]) -> dict[str, str]:
    """X-Forwarded-* and, before them, Forwarded (RFC 7239): the first value of each is the outermost proxy's."""
    names = {"proto": "X-Forwarded-Proto", "host": "X-Forwarded-Host", "prefix": "X-Forwarded-Prefix"}
    told = {name: _first(headers[header]) for name, header in names.items() if header in headers}
    told |= {name: value for name, value in _forwarded(headers.get("Forwarded", "")) if name in ("proto", "host")}
    told = {name: value for name, value in told.items() if value}
    if "prefix" in told:
        told["prefix"] = told["prefix"].rstrip("/")
    return _with_port(told, _first(headers.get("X-Forwarded-Port", "")))


def _with_port(told: dict[str, str], port: str) -> dict[str, str]:
    host = told.get("host", "")
    if port.isdigit() and host and ":" not in host and port != _DEFAULT_PORTS.get(told.get("proto", "http")):
        return told | {"host": f"{host}:{port}"}
    return told


def _first(field: str) -> str:
    return field.split(",", maxsplit=1)[0].strip()


def _forwarded(field: str) -> list[tuple[str, str]]:
    return [(name.lower(), value.strip('" ')) for name, value in _PAIR.findall(_first(field))]
