"""The scheme, host, port and prefix of a request's URL, and the client's address, as its proxies report them.

Only trusted proxies are believed, and only one family of header fields: X-Forwarded-* (de facto) or Forwarded (RFC
7239). The time to parse them is linear in their length.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Literal

from aiohttp import web

from tusd_py.config.kinds import Network
from tusd_py.domain.refusals import Malformed
from tusd_py.telemetry.log import get_logger
from tusd_py.telemetry.throttle import LogThrottle

Family = Literal["auto", "x-forwarded", "forwarded"]

_log = get_logger("tusd_py.http")

_MAX_FIELD_LENGTH = 1024
"""The most characters of one field, all its lines together."""
_NAMES = {"proto": "Proto", "host": "Host", "prefix": "Prefix", "port": "Port"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """The trusted proxies (`networks`), and the family of header fields in which they report; `auto` means Forwarded if
    there are no X-Forwarded-* fields."""

    networks: Sequence[Network] = ()
    family: Family = "auto"
    throttle: LogThrottle = field(default_factory=lambda: LogThrottle(pause=60.0))
    """The limit on log lines about fields of proxies that aren't trusted."""

    def url_parts(self, request: web.BaseRequest) -> Mapping[str, str]:
        """Return the parts of the URL that the client used, `proto`, `host`, `port` and `prefix`, as far as a trusted
        proxy reports them; the outermost proxy's value counts. Raises Malformed if a field is too long."""
        if not self.is_proxied(request):
            return {}
        if self._uses_forwarded(request.headers):
            return {name: value for name, value in _first(request) if name in ("proto", "host") and value}
        parts = {name: _outermost(_field(request, f"X-Forwarded-{title}")) for name, title in _NAMES.items()}
        return {name: value for name, value in parts.items() if value}

    def client(self, request: web.BaseRequest) -> str:
        """Return the address of the client that connected to the nearest proxy, without a port, if that proxy is
        trusted and reports it; else the peer's, `unix:` for a UNIX socket. Raises Malformed if the field is too
        long."""
        peer = request.remote or ""
        if not self.is_proxied(request):
            return peer
        if self._uses_forwarded(request.headers):
            return _without_port(dict(_pairs(_elements(_field(request, "Forwarded"))[-1])).get("for", "")) or peer
        return _without_port(_field(request, "X-Forwarded-For").rpartition(",")[2].strip()) or peer

    def is_proxied(self, request: web.BaseRequest) -> bool:
        """Return True if the peer is a trusted proxy; a UNIX socket's is one, if any are configured. If another peer
        sends X-Forwarded-* or Forwarded, logs that they are ignored, throttled."""
        if not self.networks:
            return False
        trusted = self._is_trusted_peer(request.remote or "")
        if not trusted and is_forwarded(request):
            self._log_ignored(request.remote)
        return trusted

    def _log_ignored(self, peer: str | None) -> None:
        if (passed_over := self.throttle.allowed()) is not None:
            reason = "its X-Forwarded-* and Forwarded are ignored; if it is your proxy, name it in trusted-proxies"
            _log.warning("proxy not trusted", address=peer, reason=reason, and_others=passed_over)

    def _is_trusted_peer(self, peer: str) -> bool:
        try:
            address = ip_address(peer.partition("%")[0])
        except ValueError:  # a UNIX socket: its permissions decide which peers may connect
            return True
        mapped = getattr(address, "ipv4_mapped", None) or address
        return any(mapped in network for network in self.networks)

    def _uses_forwarded(self, headers: Mapping[str, str]) -> bool:
        if self.family == "auto":
            return "Forwarded" in headers and not any(map(_is_x_forwarded, headers))
        return self.family == "forwarded"


def _is_x_forwarded(name: str) -> bool:
    return name.lower().startswith("x-forwarded-")


def is_forwarded(request: web.BaseRequest) -> bool:
    """Return True if the request has X-Forwarded-* or Forwarded fields, from any proxy, trusted or not."""
    return any(_is_x_forwarded(name) or name.lower() == "forwarded" for name in request.headers)


def _without_port(address: str) -> str:
    """Return the address without the client's port, which some proxies add and which differs for each connection, and
    without brackets."""
    if address.startswith("["):
        return address[1:].partition("]")[0]
    host, colon, port = address.partition(":")
    return host if colon and port.isdigit() else address


def _field(request: web.BaseRequest, name: str) -> str:
    """Return all lines of a header field as one, joined by commas; empty without any. Raises Malformed above
    `_MAX_FIELD_LENGTH` characters."""
    field = ", ".join(request.headers.getall(name, []))
    if len(field) > _MAX_FIELD_LENGTH:
        raise Malformed(f"{name} is longer than {_MAX_FIELD_LENGTH} characters")
    return field


def _outermost(field: str) -> str:
    return field.partition(",")[0].strip()


def _first(request: web.BaseRequest) -> Iterator[tuple[str, str]]:
    return _pairs(_elements(_field(request, "Forwarded"))[0])


def _elements(field: str) -> Sequence[str]:
    return _split(field, ",")


def _pairs(element: str) -> Iterator[tuple[str, str]]:
    for pair in _split(element, ";"):
        name, _, value = pair.partition("=")
        yield name.strip().lower(), value.strip().strip('"').strip()


def _split(text: str, separator: str) -> Sequence[str]:
    """Return the pieces of the text between separators outside of quotes; an unclosed quote extends to the end."""
    elements, pending, quoted = list[str](), list[str](), False
    for piece in text.split(separator):
        pending.append(piece)
        quoted ^= piece.count('"') % 2 == 1
        if not quoted:
            elements.append(separator.join(pending))
            pending = []
    return [*elements, separator.join(pending)] if pending else elements
