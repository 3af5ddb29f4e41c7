"""Free ports of this machine, for the servers that tests, benchmarks and `make run` start."""

from __future__ import annotations

import socket
from random import SystemRandom

_RANGE = range(10_000, 32_768)
"""The ports to choose from: below those that systems give to outgoing connections, which could take one before a server
has started."""
_dice = SystemRandom()
"""A generator that can't be seeded: tests may have seeded `random` alike in each process."""


def free_ports(count: int) -> tuple[int, ...]:
    """Return `count` different ports of 127.0.0.1 that were free a moment ago. Processes that ask at the same time
    rarely get the same ports."""
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
    """Return True if a server can listen on the IPv6 loopback address."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True
