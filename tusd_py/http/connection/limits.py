"""How many connections there may be, in all and from one address: judged when they are accepted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network

_ANSWER = (
    "HTTP/1.1 {} {}\r\nServer: tusd-py\r\nX-Content-Type-Options: nosniff\r\nRetry-After: 5\r\nConnection: close\r\n"
    "Content-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\r\n{}"
)
_FULL = "too-many-connections: the server has as many connections as it takes; try again soon\n"
_FULL_FOR_ONE = "too-many-connections: there are as many connections from this address as may be; try again soon\n"
_LONGEST = 64
"""Characters of a client's name that is no address."""
UNIX_PEER = "unix:"
"""What peers on UNIX sockets are called, who have no address: all of them are one client."""
_REMEMBERED = 1024
"""Texts whose client is known without reading them again: a request asks for it up to three times."""
_PREFIX = 64
"""Bits of an IPv6 address that one client has for itself."""


@dataclass(slots=True)
class Connections:
    """The open ones. None is no limit."""

    most: int | None = None
    most_of_a_client: int | None = None
    count: int = 0
    _by_client: Counter[str] = field(default_factory=Counter)

    def opened(self, peer: str) -> bytes | None:
        """What one that is too much is told before it is closed; None for one that may stay."""
        self.count += 1
        self._by_client[peer] += 1
        if self.most is not None and self.count > self.most:
            return _answer(503, "Service Unavailable", _FULL)
        if self.most_of_a_client is not None and self._by_client[peer] > self.most_of_a_client:
            return _answer(429, "Too Many Requests", _FULL_FOR_ONE)
        return None

    def closed(self, peer: str) -> None:
        self.count -= 1
        self._by_client[peer] -= 1
        if not self._by_client[peer]:
            del self._by_client[peer]


def client_of(address: object) -> str:
    """The client that a socket's peer address belongs to: an IPv6 client has a whole network."""
    if not isinstance(address, tuple) or not address:
        return UNIX_PEER
    return client_at(str(address[0]))


@lru_cache(_REMEMBERED)
def client_at(name: str) -> str:
    """The same of an address as text, or of another name that a proxy gives its clients (RFC 7239, 6)."""
    host = name.partition("%")[0]
    try:
        known = ip_address(host)
    except ValueError:
        return name[:_LONGEST]
    if not isinstance(known, IPv6Address):
        return host
    return str(known.ipv4_mapped or ip_network((host, _PREFIX), strict=False))


def _answer(status: int, reason: str, text: str) -> bytes:
    return _ANSWER.format(status, reason, len(text), text).encode()
