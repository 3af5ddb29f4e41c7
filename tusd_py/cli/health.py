"""Whether a server on this machine lives, asked the way it was told to listen: for a container's health check."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from contextlib import closing
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from tusd_py.config import Settings
from tusd_py.config.addresses import Address, UnixAddress
from tusd_py.domain.errors import ConfigurationError

_PATIENCE = 2.0
"""Seconds: Docker's own limit in the image is 3."""
_LOCAL = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (it asks there, and doesn't listen)
_FIRST_PROCESS = Path("/proc/1/cmdline")


def ask(settings: Settings) -> str:
    """What `/healthz` answers a server with these settings, at the first of its addresses that has it. Raises
    ConfigurationError where its port can't be known, OSError when it doesn't answer 200.
    """
    address = settings.metrics_address or settings.addresses[0]
    connection, place = _way_to(address)
    try:
        with closing(connection):
            connection.request("GET", "/healthz")
            status = connection.getresponse().status
    except (OSError, HTTPException) as error:
        raise OSError(f"{place} gives no answer: {getattr(error, 'strerror', None) or type(error).__name__}") from error
    if status != HTTPStatus.OK:
        raise OSError(f"{place} answers {status}")
    return f"ok    {place}"


def _way_to(address: Address) -> tuple[HTTPConnection, str]:
    """And what it is called. Raises ConfigurationError."""
    if isinstance(address, UnixAddress):
        return _UnixConnection(address.path), str(address)
    if not address.port:
        raise ConfigurationError("port 0 is another one at each start: set port to have its health asked for")
    host = _LOCAL.get(address.host, address.host)
    return HTTPConnection(host, address.port, timeout=_PATIENCE), f"{host} port {address.port}"


class _UnixConnection(HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=_PATIENCE)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def flags_of_container(first_process: Path = _FIRST_PROCESS) -> Sequence[str]:
    """The flags that `tusd-py serve` got in a container, where it is process 1, or is named on that one's command line
    (an init's). Empty if it isn't.
    """
    words = first_process.read_bytes().decode(errors="replace").split("\0")[:-1]
    return words[words.index("serve") + 1 :] if "serve" in words else ()
