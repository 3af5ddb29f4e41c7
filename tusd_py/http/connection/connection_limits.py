"""Limits on the number of connections, in all and from one client, checked when they are accepted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network

_ANSWER = (
    "HTTP/1.1 {} {}\r\nServer: tusd-py\r\nX-Content-Type-Options: nosniff\r\n{}Connection: close\r\n"
    "Content-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\r\n{}"
)
_SOON = "Retry-After: 5\r\n"
_FULL = "too-many-connections: the server has as many connections as it takes; try again soon\n"
_FULL_FOR_ONE = "too-many-connections: there are as many connections from this address as may be; try again soon\n"
_MAX_NAME_LENGTH = 64
"""Characters kept of a client's name that is no IP address."""
UNIX_PEER = "unix:"
"""The name of peers on UNIX sockets, which have no address: all of them are one client."""
_CACHE_SIZE = 1024
"""The number of names for which the results of `client_at` are cached: a request asks for its client several
times."""
_PREFIX = 64
"""Bits of an IPv6 network that counts as one client."""


@dataclass(slots=True)
class Connections:
    """The open connections, counted in all and by client, and their limits: `limit` in all, `client_limit` for one
    client. None is no limit."""

    limit: int | None = None
    client_limit: int | None = None
    count: int = 0
    _by_client: Counter[str] = field(default_factory=Counter)

    def opened(self, peer: str) -> bytes | None:
        """Count a connection of the client `peer`. Returns None if it is within the limits, else a complete HTTP
        response (503 or 429) to send before closing it. `closed` must follow in both cases."""
        self.count += 1
        self._by_client[peer] += 1
        if self.limit is not None and self.count > self.limit:
            return raw_answer(503, "Service Unavailable", _FULL, _SOON)
        if self.client_limit is not None and self._by_client[peer] > self.client_limit:
            return raw_answer(429, "Too Many Requests", _FULL_FOR_ONE, _SOON)
        return None

    def closed(self, peer: str) -> None:
        self.count -= 1
        self._by_client[peer] -= 1
        if not self._by_client[peer]:
            del self._by_client[peer]


def client_of(address: object) -> str:
    """Return the name under which limits count the peer of a socket, from its `peername`: an IPv4 address (also if that
    is mapped to IPv6), the /64 network of another IPv6 address, or `unix:` if it isn't an address with a port."""
    if not isinstance(address, tuple) or not address:
        return UNIX_PEER
    return client_at(str(address[0]))


@lru_cache(_CACHE_SIZE)
def client_at(name: str) -> str:
    """Return the name under which limits count a client: its IPv4 address (also if that is mapped to IPv6), the /64
    network of another IPv6 address, or the first 64 characters of a name that is no address, as proxies may give it
    (RFC 7239, 6)."""
    host = name.partition("%")[0]
    try:
        address = ip_address(host)
    except ValueError:
        return name[:_MAX_NAME_LENGTH]
    if not isinstance(address, IPv6Address):
        return host
    return str(address.ipv4_mapped or ip_network((host, _PREFIX), strict=False))


def raw_answer(status: int, reason: str, text: str, fields: str = "") -> bytes:
    """Return a complete HTTP response, to send before the connection is closed. `fields` are more header lines for it,
    each with CRLF at its end; `text` must be ASCII."""
    return _ANSWER.format(status, reason, fields, len(text), text).encode()
