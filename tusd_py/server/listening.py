"""The listening sockets of a server, bound to the addresses in its settings."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tusd_py.config import Settings
from tusd_py.config.addresses import Address, TcpAddress, UnixAddress
from tusd_py.domain.errors import ConfigurationError
from tusd_py.server.socket_file import SocketFile, listen_at

_TRIES = 20
"""The maximum number of ports to try, if all addresses have port 0, until one port is free at each of them."""
_UNAVAILABLE = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})
"""The errors of an address, or of its family, that this machine doesn't have."""
_EVERY_V4, _EVERY = "0.0.0.0", "::"  # noqa: S104 (compared with, not bound)


@dataclass(frozen=True, slots=True)
class Listeners:
    """Bound sockets; those of UNIX listen already."""

    sockets: list[socket.socket] = field(default_factory=list)
    _files: list[SocketFile] = field(default_factory=list)
    """The files of the UNIX sockets, which `remove_files` removes; empty in the copy that `duplicate` returns."""

    def remove_files(self) -> None:
        """Remove the files of the UNIX sockets, so that no new client can connect to these; a file that another server
        has replaced stays. Does nothing the second time."""
        while self._files:
            self._files.pop().remove()

    def close(self) -> None:
        self.remove_files()
        for bound_socket in self.sockets:
            bound_socket.close()

    def duplicate(self) -> Listeners:
        """Return sockets for another process: duplicates of UNIX sockets, whose files only the original removes, and
        new TCP sockets at the same ports. Raises OSError."""
        return Listeners([_duplicate(bound_socket) for bound_socket in self.sockets])

    def add(self, address: Address, *, shared: bool, both: bool) -> None:
        """Bind sockets to the address: one, or one for each IP address of a host name that this machine has.
        Port 0 becomes the port of the first TCP socket that is bound already, else a free one.

        With `shared`, other sockets may bind the same TCP port (SO_REUSEPORT). With `both`, `::` takes IPv4 too.
        Raises OSError.
        """
        if isinstance(address, TcpAddress):
            self._add_tcp(address, shared=shared, both=both)
            return
        listening, file = listen_at(address.path)
        self.sockets.append(listening)
        self._files.append(file)

    def _add_tcp(self, address: TcpAddress, *, shared: bool, both: bool) -> None:
        unavailable, count = None, len(self.sockets)
        for family, (host, port, *flow) in _resolved(address):
            place = (host, port or self._port(), *flow)
            try:
                self.sockets.append(_bind_socket(family, place, shared=shared, both=both))
            except OSError as error:
                if error.errno not in _UNAVAILABLE:
                    raise
                unavailable = error  # a name may have others: localhost, on a machine without IPv6
        if unavailable is not None and len(self.sockets) == count:
            raise unavailable

    def _port(self) -> int:
        """Return the port of the first TCP socket; 0 without one."""
        ports = (bound.getsockname()[1] for bound in self.sockets if bound.family != socket.AF_UNIX)
        return next(ports, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerListeners:
    """All sockets of a server."""

    public: Listeners
    metrics: Listeners
    """The sockets for probes and metrics only; empty if those are served on the public ones."""

    def close(self) -> None:
        self.public.close()
        self.metrics.close()

    def duplicate(self) -> ServerListeners:
        return ServerListeners(public=self.public.duplicate(), metrics=self.metrics.duplicate())


@contextmanager
def bind_listeners(settings: Settings) -> Iterator[ServerListeners]:
    """Bind the sockets of the settings' addresses, yield them, and close them at the end of the context. Raises
    ConfigurationError with one line."""
    shared = settings.workers > 1
    metrics_addresses = () if settings.metrics_address is None else (settings.metrics_address,)
    with (
        closing(_bind(settings.addresses, shared=shared)) as public,
        closing(_bind(metrics_addresses, shared=shared)) as metrics,
    ):
        yield ServerListeners(public=public, metrics=metrics)


def listen_error(address: Address, error: OSError) -> ConfigurationError:
    """Return the error, in one line, that tells why the server can't listen on the address."""
    is_lookup = isinstance(error, socket.gaierror)  # of other errors, only errno is certain
    reason = error.strerror if is_lookup else os.strerror(error.errno or 0)
    return ConfigurationError(f"can't listen on {address}: {reason}")


def socket_address(listening: socket.socket) -> Address:
    if listening.family == socket.AF_UNIX:
        return UnixAddress(Path(listening.getsockname()))
    host, port, *_ = listening.getsockname()
    return TcpAddress(host, port)


def _bind(addresses: Sequence[Address], *, shared: bool) -> Listeners:
    """Bind all addresses; port 0 becomes the port of the first TCP socket. If all are TCP addresses with port 0, and
    the port is taken at one of them, try again with other ports. With `shared`, other sockets may bind the same TCP
    ports (SO_REUSEPORT). Raises ConfigurationError."""
    for _ in range(_TRIES - 1):
        try:
            return _bind_once(addresses, shared=shared)
        except ConfigurationError as error:
            if not (_is_taken(error.__cause__) and all(map(_is_any_port, addresses))):
                raise
    return _bind_once(addresses, shared=shared)


def _bind_once(addresses: Sequence[Address], *, shared: bool) -> Listeners:
    listeners = Listeners()
    both = not any(isinstance(address, TcpAddress) and address.host == _EVERY_V4 for address in addresses)
    for address in addresses:
        try:
            listeners.add(address, shared=shared, both=both)
        except OSError as error:
            listeners.close()
            raise listen_error(address, error) from error
    return listeners


def _is_taken(error: BaseException | None) -> bool:
    return isinstance(error, OSError) and error.errno == errno.EADDRINUSE


def _is_any_port(address: Address) -> bool:
    return isinstance(address, TcpAddress) and not address.port


def _resolved(address: TcpAddress) -> Iterator[tuple[int, tuple[Any, ...]]]:
    """Yield each pair of family and socket address, as `getaddrinfo` returns them, that the address resolves
    to. Raises OSError.
    """
    try:
        results = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except UnicodeError as error:  # Python encodes names: a label is empty or too long
        raise socket.gaierror(socket.EAI_NONAME, "Not the name of a host") from error
    yield from dict.fromkeys((family, place) for family, *_, place in results)


def _bind_socket(family: int, place: tuple[Any, ...], *, shared: bool, both: bool) -> socket.socket:
    """Bind a TCP socket to `place`, the address as `getaddrinfo` returns it. With `shared`, other sockets may bind the
    same port. With `both`, `::` takes IPv4 too, as in other servers; asyncio alone would make it IPv6 only.

    Raises OSError.
    """
    bound_socket = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound_socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound_socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, shared)
        if family == socket.AF_INET6:
            bound_socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, not (both and place[0] == _EVERY))
        bound_socket.bind(place)
    except OSError:
        bound_socket.close()
        raise
    return bound_socket


def _duplicate(original: socket.socket) -> socket.socket:
    if original.family == socket.AF_UNIX:
        return original.dup()
    both = original.family == socket.AF_INET6 and not original.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
    return _bind_socket(original.family, original.getsockname(), shared=True, both=both)
