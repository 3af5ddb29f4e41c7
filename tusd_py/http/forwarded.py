"""What proxies say of a request: its scheme, host, prefix and client. Believed from known proxies, in one family of
header fields: X-Forwarded-* (de facto) or Forwarded (RFC 7239). Time is linear in the fields.
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
from tusd_py.telemetry.seldom import Seldom

Family = Literal["auto", "x-forwarded", "forwarded"]

_log = get_logger("tusd_py.http")

_LONGEST = 1024
"""Characters of a field that a proxy may send."""
_NAMES = {"proto": "Proto", "host": "Host", "prefix": "Prefix", "port": "Port"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Whose word counts, and in which fields. `auto` is X-Forwarded-* where there is any, else Forwarded."""

    networks: Sequence[Network] = ()
    family: Family = "auto"
    seldom: Seldom = field(default_factory=lambda: Seldom(pause=60.0))
    """Of lines about proxies whose word doesn't count."""

    def told(self, request: web.BaseRequest) -> Mapping[str, str]:
        """`proto`, `host`, `port` and `prefix` as far as they are known. Raises Malformed."""
        if not self._known(request):
            return {}
        if self._by_forwarded(request.headers):
            return {name: value for name, value in _first(request) if name in ("proto", "host") and value}
        told = {name: _outermost(_field(request, f"X-Forwarded-{title}")) for name, title in _NAMES.items()}
        return {name: value for name, value in told.items() if value}

    def client(self, request: web.BaseRequest) -> str:
        """The address of the client that the nearest proxy saw, else the peer's. Raises Malformed."""
        peer = request.remote or ""
        if not self._known(request):
            return peer
        if self._by_forwarded(request.headers):
            return _without_port(dict(_pairs(_elements(_field(request, "Forwarded"))[-1])).get("for", "")) or peer
        return _without_port(_field(request, "X-Forwarded-For").rpartition(",")[2].strip()) or peer

    def _known(self, request: web.BaseRequest) -> bool:
        if not self.networks:
            return False
        known = self._trusted(request.remote or "")
        if not known and any(map(_is_forwarded, request.headers)):
            self._say_ignored(request.remote)
        return known

    def _say_ignored(self, peer: str | None) -> None:
        if (passed_over := self.seldom.allowed()) is not None:
            reason = "its X-Forwarded-* and Forwarded are ignored; if it is your proxy, name it in trusted-proxies"
            _log.warning("proxy-not-trusted", address=peer, reason=reason, and_others=passed_over)

    def _trusted(self, peer: str) -> bool:
        try:
            address = ip_address(peer.partition("%")[0])
        except ValueError:  # a UNIX socket: its permissions say who may speak
            return True
        mapped = getattr(address, "ipv4_mapped", None) or address
        return any(mapped in network for network in self.networks)

    def _by_forwarded(self, headers: Mapping[str, str]) -> bool:
        if self.family == "auto":
            return "Forwarded" in headers and not any(map(_is_x_forwarded, headers))
        return self.family == "forwarded"


def _is_x_forwarded(name: str) -> bool:
    return name.lower().startswith("x-forwarded-")


def _is_forwarded(name: str) -> bool:
    return _is_x_forwarded(name) or name.lower() == "forwarded"


def _without_port(address: str) -> str:
    """Some proxies add the client's port, which is another for each connection."""
    if address.startswith("["):
        return address[1:].partition("]")[0]
    host, colon, port = address.partition(":")
    return host if colon and port.isdigit() else address


def _field(request: web.BaseRequest, name: str) -> str:
    """All lines of it as one. Raises Malformed."""
    field = ", ".join(request.headers.getall(name, []))
    if len(field) > _LONGEST:
        raise Malformed(f"{name} is longer than {_LONGEST} characters")
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
    """At each separator outside of quotes; what a quote that doesn't end begins is one."""
    found, begun, quoted = list[str](), list[str](), False
    for piece in text.split(separator):
        begun.append(piece)
        quoted ^= piece.count('"') % 2 == 1
        if not quoted:
            found.append(separator.join(begun))
            begun = []
    return [*found, separator.join(begun)] if begun else found
