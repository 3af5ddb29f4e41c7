"""Where a server listens, read from the text that names the place."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_TCP = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+(?:%[\w.-]+)?)\]|(?P<name>[\w.-]+)):(?P<port>\d{1,5})", re.ASCII)
_UNIX = "unix:"
_ANY = frozenset({"0.0.0.0", "::"})  # noqa: S104 (to be told apart from others)
_HIGHEST_PORT = 65_535
_LONGEST_PATH = 107
"""Bytes of a UNIX socket's path (unix(7): `sun_path`, with a zero at its end)."""


@dataclass(frozen=True, slots=True)
class TcpAddress:
    """`HOST:PORT`"""

    host: str
    port: int

    def __str__(self) -> str:
        """As a URL has it (RFC 3986, 3.2.2; a zone as in RFC 6874)."""
        host = self.host.replace("%", "%25")
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"

    def overlaps(self, hosts: Sequence[str]) -> bool:
        """Whether it takes what `hosts` take at the same port. Port 0 is another one each time."""
        all_of_it = self.host in _ANY and bool(hosts)
        return bool(self.port) and (all_of_it or not {self.host, *_ANY}.isdisjoint(hosts))


@dataclass(frozen=True, slots=True)
class UnixAddress:
    """`unix:PATH`"""

    path: Path

    def __str__(self) -> str:
        return f"{_UNIX}{self.path}"


Address = TcpAddress | UnixAddress


def parse_address(text: str) -> Address:
    """Raises ValueError."""
    if text.startswith(_UNIX):
        return UnixAddress(parse_socket_path(text.removeprefix(_UNIX)))
    found = _TCP.fullmatch(text)
    if found is None or int(found["port"]) > _HIGHEST_PORT:
        raise ValueError(text)
    return TcpAddress(found["six"] or found["name"], int(found["port"]))


def parse_socket_path(text: str) -> Path:
    """Raises ValueError."""
    if not 0 < len(os.fsencode(text)) <= _LONGEST_PATH or "\0" in text:
        raise ValueError(text)
    return Path(text)
