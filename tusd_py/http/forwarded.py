"""The scheme, host, port and prefix of a request's URL, and the client's address, as its proxies report them.

Only trusted proxies are believed, and only one family of header fields: X-Forwarded-* (de facto) or Forwarded (RFC
7239). The time to parse them is linear in their length.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Literal

from aiohttp import web

from tusd_py.config.addresses import is_loopback
from tusd_py.config.kinds import Network
from tusd_py.domain.refusals import Malformed
from tusd_py.http.connection.connection_limits import UNIX_PEER
from tusd_py.telemetry.log import get_logger
from tusd_py.telemetry.throttle import LogThrottle

Family = Literal["auto", "x-forwarded", "forwarded"]

_log = get_logger("tusd_py.http")

_MAX_FIELD_LENGTH = 1024
"""The most characters of one field, all its lines together."""
_NAMES = {"proto": "Proto", "host": "Host", "prefix": "Prefix", "port": "Port"}
_QUOTED = re.compile(r'"((?:[^"\\]++|\\.)*+)"')
_ESCAPE = re.compile(r"\\(.)")


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
            outermost = _pairs(_elements(request)[0])
            return {name: value for name, value in outermost.items() if name in ("proto", "host") and value}
        parts = {name: _outermost(_field(request, f"X-Forwarded-{title}")) for name, title in _NAMES.items()}
        return {name: value for name, value in parts.items() if value}

    def client(self, request: web.BaseRequest) -> str:
        """Return the address of the client that connected to the nearest proxy, without a port, if that proxy is
        trusted and reports it; else the peer's: `unix:` for a UNIX socket (empty if the application runs in another
        program's server), empty if the peer is gone and its address is unknown. Raises Malformed if the proxy's header
        field is too long.
        """
        return self._reported_client(request) or request.remote or ""

    def is_local(self, request: web.BaseRequest) -> bool:
        """Return True for a client on this machine. Without X-Forwarded-* and Forwarded fields, the peer must have a
        loopback address or be connected by a UNIX socket. With any such field, a trusted proxy must report a loopback
        address, as the client may be on another machine even if the proxy is on this one. With `auto`, a request that
        has X-Forwarded-* and Forwarded fields is never local, as the client may have sent either. Nor is a peer without
        an address: some event loops can't tell the address of a peer that is gone. Raises Malformed if the field with
        the client's address is too long.
        """
        families = _families(request.headers)
        if not families:
            return request.remote in {UNIX_PEER, ""} or is_loopback(request.remote or "")
        certain = self.family != "auto" or len(families) == 1
        return certain and is_loopback(self._reported_client(request))

    def _reported_client(self, request: web.BaseRequest) -> str:
        """Return the address, without a port, that the nearest proxy reports for its client; empty if it reports none
        or isn't trusted. Raises Malformed."""
        if not self.is_proxied(request):
            return ""
        if self._uses_forwarded(request.headers):
            return _without_port(_pairs(_elements(request)[-1]).get("for", ""))
        return _without_port(_field(request, "X-Forwarded-For").rpartition(",")[2].strip())

    def is_proxied(self, request: web.BaseRequest) -> bool:
        """Return True if the peer is a trusted proxy. If any proxies are configured, each peer of a UNIX socket is one;
        a peer that is gone, so that its address is unknown, isn't. If proxies are configured and a peer with another
        address sends X-Forwarded-* or Forwarded, logs, throttled, that these fields are ignored.
        """
        if not self.networks or request.remote is None:
            return False
        trusted = self._is_trusted_peer(request.remote)
        if not trusted and _families(request.headers):
            self._log_ignored(request.remote)
        return trusted

    def _log_ignored(self, peer: str) -> None:
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
            return _families(headers) == {"forwarded"}
        return self.family == "forwarded"


def _families(headers: Mapping[str, str]) -> set[Family]:
    """Return the families of which the request has header fields, `forwarded` and `x-forwarded`, no matter if a
    trusted proxy, another proxy or the client wrote the fields.
    """
    names = [name.lower() for name in headers]
    present: Mapping[Family, bool] = {
        "forwarded": "forwarded" in names,
        "x-forwarded": any(name.startswith("x-forwarded-") for name in names),
    }
    return {family for family, is_there in present.items() if is_there}


def _without_port(address: str) -> str:
    """Return the address without the client's port, which some proxies add and which differs for each connection, and
    without brackets."""
    if address.startswith("["):
        return address[1:].partition("]")[0]
    host, colon, port = address.partition(":")
    return host if colon and port.isdigit() else address


def _lines(request: web.BaseRequest, name: str) -> Sequence[str]:
    """Return the lines of a header field; one empty line if the request lacks the field. Raises Malformed if the
    lines have more than `_MAX_FIELD_LENGTH` characters together.
    """
    lines = request.headers.getall(name, [""])
    if sum(map(len, lines)) > _MAX_FIELD_LENGTH:
        raise Malformed(f"{name} is longer than {_MAX_FIELD_LENGTH} characters")
    return lines


def _field(request: web.BaseRequest, name: str) -> str:
    """Return all lines of a header field as one, joined by commas; empty without any. Raises Malformed
    beyond 1024 characters."""
    return ", ".join(_lines(request, name))


def _outermost(field: str) -> str:
    return field.partition(",")[0].strip()


def _elements(request: web.BaseRequest) -> Sequence[str]:
    """Return the elements of Forwarded. Each line is split separately, so that no quote reaches into the next line.
    Raises Malformed.
    """
    return [element for line in _lines(request, "Forwarded") for element in _split(line, ",")]


def _pairs(element: str) -> Mapping[str, str]:
    """Return the values in an element of Forwarded, by their names in lower case; none if a value has a quote that
    is out of place.
    """
    pairs = [pair.partition("=") for pair in _split(element, ";")]
    try:
        return {name.strip().lower(): _unquote(value.strip()) for name, _, value in pairs}
    except ValueError:
        return {}


def _unquote(value: str) -> str:
    """Return the value without quotes and escapes (RFC 9110, 5.6.4). Raises ValueError if a quote is out of place."""
    if '"' not in value:
        return value
    match = _QUOTED.fullmatch(value)
    if match is None:
        raise ValueError(value)
    return _ESCAPE.sub(r"\1", match[1])


def _split(text: str, separator: str) -> Sequence[str]:
    """Return the pieces of the text between separators outside of quotes.

    The text is split from its end, which the nearest proxy wrote: a quote that a client left open can only hide
    separators before the quote, none after it.
    """
    parts = text.split(separator)
    pieces, end, quoted = list[str](), len(parts), False
    for start in reversed(range(end)):
        quoted ^= _ESCAPE.sub("", parts[start]).count('"') % 2 == 1
        if not quoted or start == 0:
            pieces.append(separator.join(parts[start:end]))
            end = start
    return pieces[::-1]
