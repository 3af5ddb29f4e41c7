"""Ports for servers that are started here."""

from __future__ import annotations

import socket
from random import SystemRandom

_RANGE = range(10_000, 32_768)
"""Below the ports that systems give to connections, one of which could be taken while a server starts."""
_dice = SystemRandom()
"""Tests may have seeded the usual one alike in each process."""


def free_ports(count: int) -> tuple[int, ...]:
    """Return `count` different ports of 127.0.0.1 that were free a moment ago. Processes that ask at a time hardly ever
    get the same."""
    ports = set[int]()
    while len(ports) < count:
        port = _dice.choice(_RANGE)
        if _is_free(port):
            ports.add(port)
    return tuple(ports)


def free_port() -> int:
    return free_ports(1)[0]


def _is_free(port: int) -> bool:
    with socket.socket() as unbound:
        try:
            unbound.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def has_ipv6() -> bool:
    """True if this machine has its loopback address in that family."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True
