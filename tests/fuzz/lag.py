"""Delay that a server under test causes to other clients, seen from another process.

A second server that does nothing, in its own process, is asked at the same moment: the time that both take is the
machine's, not the server's.

Run with two ports, of the server under test and of the one that does nothing, this module asks /healthz at both, and
prints a line for each byte on its standard input: the number of requests to each since the last line, and the worst lag
in seconds. Run without ports, it is the server that does nothing, and prints its port.
"""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from devtools.part import mortal

_ASK = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n"
_PAUSE = 0.02
_PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class Lag:
    """Since the last look: how often /healthz was asked, and by how many seconds at most it was slower than a server
    that does nothing."""

    count: int
    worst: float


class Probe:
    """A separate process that asks a server for /healthz again and again, each time together with a server that does
    nothing, and measures by how many seconds the first answers later."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def look(self) -> Lag:
        """Return the lag since the last look, once a pending request has its answer or 30 seconds have passed without
        one. Raises ValueError or OSError if the process has ended, as it does when /healthz answers anything but
        200."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(b"\n")
        self._process.stdin.flush()
        count, worst = self._process.stdout.readline().split()
        return Lag(count=int(count), worst=float(worst))


@contextmanager
def probing(port: int) -> Iterator[Probe]:
    with ExitStack() as stack:
        control = stack.enter_context(_running())
        assert control.stdout is not None
        yield Probe(stack.enter_context(_running(str(port), control.stdout.readline().decode().strip())))


@contextmanager
def _running(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    command = mortal(sys.executable, "-m", "tests.fuzz.lag", *arguments)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


class _Asked:
    """A connection, kept open, to one of the servers that are asked."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket = self._connected()

    def _connected(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self._port), timeout=_PATIENCE)

    def ask(self) -> None:
        self._socket.sendall(_ASK)

    def fileno(self) -> int:
        return self._socket.fileno()

    def answered(self) -> None:
        answer = self._socket.recv(65536)
        if not answer.startswith(b"HTTP/1.1 200 "):
            sys.exit(f"/healthz answered {answer!r}")


def _ask(servers: tuple[_Asked, ...]) -> float:
    """Ask /healthz of all servers at once. Return by how many seconds the first in `servers` answered later than the
    last in it: less than 0 if it was faster. A server that hasn't answered when none did for 30 seconds counts as
    answering after 30. Exit the process if one answers anything but 200."""
    began, took = time.monotonic(), dict.fromkeys(servers, _PATIENCE)
    for server in servers:
        server.ask()
    waiting = set(servers)
    while waiting and (ready := select.select(list(waiting), [], [], _PATIENCE)[0]):
        for server in ready:
            server.answered()
            took[server] = time.monotonic() - began
            waiting.discard(server)
    return took[servers[0]] - took[servers[-1]]


def _probe(*engine: int) -> None:
    servers = tuple(_Asked(port) for port in engine)
    count, worst = 0, 0.0
    while True:
        count, worst = count + 1, max(worst, _ask(servers))
        if select.select([sys.stdin], [], [], _PAUSE)[0]:
            if not os.read(sys.stdin.fileno(), 1):
                return
            print(count, worst, flush=True)
            count, worst = 0, 0.0


def _control() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(server.getsockname()[1], flush=True)
        connection, _ = server.accept()
        while connection.recv(65536):
            connection.sendall(_OK)


if __name__ == "__main__":
    _probe(*map(int, sys.argv[1:])) if sys.argv[1:] else _control()
