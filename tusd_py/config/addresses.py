"""The addresses that a server listens on, and the parser of their text."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

_TCP = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+(?:%[\w.-]+)?)\]|(?P<name>[\w.-]+)):(?P<port>\d{1,5})", re.ASCII)
_UNIX = "unix:"
_EVERY_V4, _EVERY = "0.0.0.0", "::"  # noqa: S104 (only compared with, not bound)
_LOCALHOST = "localhost"
_HIGHEST_PORT = 65_535
_LONGEST_PATH = 107
"""The most bytes of a UNIX socket's path (unix(7): `sun_path` holds 108, with the zero at its end)."""


@dataclass(frozen=True, slots=True)
class TcpAddress:
    """A TCP address: `HOST:PORT`."""

    host: str
    port: int

    def __str__(self) -> str:
        """Return host and port as the authority of a URL (RFC 3986, 3.2.2; a zone as in RFC 6874)."""
        host = self.host.replace("%", "%25")
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"

    @property
    def names_one(self) -> bool:
        """True unless the host is a wildcard or the port is 0: a client can connect to the address as it is written."""
        return bool(self.port) and _normal(self.host) not in {_EVERY_V4, _EVERY}

    def overlaps(self, hosts: Sequence[str]) -> bool:
        """Return True if a server shouldn't listen both on this address and on `hosts` at the same port: a host is the
        same (localhost is 127.0.0.1 and ::1), or one is a wildcard that includes the other (0.0.0.0 takes only IPv4,
        `::` both). Port 0 never overlaps.
        """
        return bool(self.port) and any(_share({_normal(self.host), _normal(host)}) for host in hosts)


@dataclass(frozen=True, slots=True)
class UnixAddress:
    """A UNIX socket's address: `unix:PATH`."""

    path: Path

    def __str__(self) -> str:
        return f"{_UNIX}{self.path}"


Address = TcpAddress | UnixAddress


def parse_address(text: str) -> Address:
    """Parse `HOST:PORT`, `[IPv6 address]:PORT` or `unix:PATH`. Raises ValueError."""
    if text.startswith(_UNIX):
        return UnixAddress(parse_socket_path(text.removeprefix(_UNIX)))
    match = _TCP.fullmatch(text)
    if match is None or int(match["port"]) > _HIGHEST_PORT:
        raise ValueError(text)
    return TcpAddress(match["six"] or match["name"], int(match["port"]))


def parse_socket_path(text: str) -> Path:
    """Parse the path of a UNIX socket, of at most 107 bytes. Raises ValueError."""
    if not 0 < len(os.fsencode(text)) <= _LONGEST_PATH or "\0" in text:
        raise ValueError(text)
    return Path(text)


def reachable_addresses(addresses: Iterable[Address]) -> Sequence[Address]:
    """Return those of `addresses` that other machines can reach."""
    return [address for address in addresses if isinstance(address, TcpAddress) and not is_loopback(address.host)]


def is_loopback(host: str) -> bool:
    """Return True if only this machine can reach the host: a loopback address, or the name localhost."""
    try:
        address = ip_address(host)
    except ValueError:
        return host.lower() == _LOCALHOST
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def _normal(host: str) -> str:
    """Return the host in one spelling, for comparisons: an IP address in its shortest form, a name in lower case."""
    try:
        return str(ip_address(host))
    except ValueError:
        return host.lower()


def _share(hosts: AbstractSet[str]) -> bool:
    """Return True if two listeners at one port, on the hosts of this set, could get the same connection; a set of
    one host means that both listen on that host. The hosts are spelled as `_normal` returns them.
    """
    if _EVERY_V4 in hosts:
        return _EVERY in hosts or not any(":" in host for host in hosts)
    return len(hosts) == 1 or _EVERY in hosts or (_LOCALHOST in hosts and hosts <= {_LOCALHOST, "127.0.0.1", "::1"})
