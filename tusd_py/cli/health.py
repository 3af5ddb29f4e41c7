"""A container's health check: a request to the server on this machine, at the address that its settings give."""

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
"""Seconds to wait for the answer: less than the 3 of the image's HEALTHCHECK."""
_LOCAL = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (compared with, not bound)
_FIRST_PROCESS = Path("/proc/1/cmdline")


def probe(settings: Settings) -> str:
    """Send `GET /healthz` to the server with these settings, and return a line that says where it answered.

    Raises ConfigurationError for port 0, and OSError unless the answer is 200.
    """
    address = settings.metrics_address or settings.addresses[0]
    connection, place = _connection(address)
    try:
        with closing(connection):
            connection.request("GET", "/healthz")
            status = connection.getresponse().status
    except (OSError, HTTPException, UnicodeError) as error:  # UnicodeError: the host is no name for the DNS
        raise OSError(f"{place} gives no answer: {getattr(error, 'strerror', None) or type(error).__name__}") from error
    if status != HTTPStatus.OK:
        raise OSError(f"{place} answers {status}")
    return f"ok    {place}"


def _connection(address: Address) -> tuple[HTTPConnection, str]:
    """Return a connection, not opened yet, to the address (to loopback for the wildcards 0.0.0.0 and ::), and the
    place that it connects to as text. Raises ConfigurationError for port 0."""
    if isinstance(address, UnixAddress):
        return _UnixConnection(address.path), str(address)
    if not address.port:
        raise ConfigurationError("port 0 is a different port at each start: set port to check the server's health")
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
    """Return the flags of `tusd-py serve` on the command line of process 1, which is the server or an init that started
    it; none if `serve` isn't on it. `first_process` is the file of that command line, in the form of /proc/1/cmdline.
    Raises OSError if it can't be read.
    """
    words = first_process.read_bytes().decode(errors="replace").split("\0")[:-1]
    return words[words.index("serve") + 1 :] if "serve" in words else ()
