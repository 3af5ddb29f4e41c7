"""Free ports of this machine, for the servers that tests, benchmarks and `make run` start."""

from __future__ import annotations

import os
import socket
from collections import deque
from random import SystemRandom

_RANGE = range(10_000, 32_768)
"""The ports to choose from: below those that systems give to outgoing connections, which could take one before a server
has started."""
_PROCESSES = 8
"""The number of parts of the range: a process chooses from the part that its id stands for, so that processes that
begin one after another, as pytest's workers, don't choose the same port before a server listens on it."""
_recent = deque[int](maxlen=500)
"""The ports that this process was given last: their servers may not listen yet."""
_dice = SystemRandom()
"""A generator that can't be seeded: tests may have seeded `random` alike in each process."""


def free_ports(count: int) -> tuple[int, ...]:
    """Return `count` different ports of 127.0.0.1 that were free a moment ago, none of which this process was given
    lately. Processes that ask at the same time rarely get the same ports."""
    ports, choice = list[int](), _RANGE[os.getpid() % _PROCESSES :: _PROCESSES]
    while len(ports) < count:
        port = _dice.choice(choice)
        if port not in _recent and _is_free(port):
            _recent.append(port)
            ports.append(port)
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
