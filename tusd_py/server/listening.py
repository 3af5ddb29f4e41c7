"""The sockets of a server, bound where its settings say."""

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
"""Free ports that are tried until one is free at each of several addresses."""
_EVERY_V4, _EVERY = "0.0.0.0", "::"  # noqa: S104 (to be told apart from others)


@dataclass(frozen=True, slots=True)
class Listeners:
    """Sockets that are bound; those of UNIX listen, too."""

    sockets: list[socket.socket] = field(default_factory=list)
    _files: list[SocketFile] = field(default_factory=list)
    """Those that go with them."""

    def hide(self) -> None:
        """Remove the files, so that no new client finds the way."""
        while self._files:
            self._files.pop().remove()

    def close(self) -> None:
        self.hide()
        for each in self.sockets:
            each.close()

    def once_more(self) -> Listeners:
        """The same places for another process: UNIX sockets as they are, those of TCP at the same ports."""
        return Listeners([each.dup() if each.family == socket.AF_UNIX else _beside(each) for each in self.sockets])

    def add(self, address: Address, *, shared: bool, both: bool) -> None:
        """Port 0 becomes that of the first socket. Raises OSError."""
        if isinstance(address, TcpAddress):
            self._add_tcp(address, shared=shared, both=both)
            return
        made, file = listen_at(address.path)
        self.sockets.append(made)
        self._files.append(file)

    def _add_tcp(self, address: TcpAddress, *, shared: bool, both: bool) -> None:
        absent, before = None, len(self.sockets)
        for family, (host, port, *rest) in _resolved(address):
            place = (host, port or self._port(), *rest)
            try:
                self.sockets.append(_bound(family, place, shared=shared, both=both))
            except OSError as error:
                if error.errno != errno.EADDRNOTAVAIL:
                    raise
                absent = error  # perhaps a name's, which has others: localhost, on a machine without IPv6
        if absent is not None and len(self.sockets) == before:
            raise absent

    def _port(self) -> int:
        return int(self.sockets[0].getsockname()[1]) if self.sockets else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where a server listens."""

    public: Listeners
    metrics: Listeners
    """For probes and metrics alone; empty where they are among the public."""

    def close(self) -> None:
        self.public.close()
        self.metrics.close()

    def once_more(self) -> Places:
        return Places(public=self.public.once_more(), metrics=self.metrics.once_more())


@contextmanager
def bound(settings: Settings) -> Iterator[Places]:
    """Raises ConfigurationError with one line where that can't be."""
    shared = settings.workers > 1
    own = () if settings.metrics_address is None else (settings.metrics_address,)
    with closing(_bind(settings.addresses, shared=shared)) as public, closing(_bind(own, shared=shared)) as metrics:
        yield Places(public=public, metrics=metrics)


def cannot_listen(address: Address, error: OSError) -> ConfigurationError:
    """The one line for an address that is taken or not ours."""
    named = isinstance(error, socket.gaierror)  # of all others only the number is sure to be there
    reason = error.strerror if named else os.strerror(error.errno or 0)
    return ConfigurationError(f"can't listen on {address}: {reason}")


def address_of(listening: socket.socket) -> Address:
    if listening.family == socket.AF_UNIX:
        return UnixAddress(Path(listening.getsockname()))
    host, port, *_ = listening.getsockname()
    return TcpAddress(host, port)


def _bind(addresses: Sequence[Address], *, shared: bool) -> Listeners:
    """All, at one port. Raises ConfigurationError."""
    for _ in range(_TRIES - 1):
        try:
            return _bind_once(addresses, shared=shared)
        except ConfigurationError as error:
            if not (_is_taken(error.__cause__) and all(map(_is_any_port, addresses))):
                raise
    return _bind_once(addresses, shared=shared)


def _bind_once(addresses: Sequence[Address], *, shared: bool) -> Listeners:
    made = Listeners()
    both = not any(isinstance(each, TcpAddress) and each.host == _EVERY_V4 for each in addresses)
    for address in addresses:
        try:
            made.add(address, shared=shared, both=both)
        except OSError as error:
            made.close()
            raise cannot_listen(address, error) from error
    return made


def _is_taken(error: BaseException | None) -> bool:
    return isinstance(error, OSError) and error.errno == errno.EADDRINUSE


def _is_any_port(address: Address) -> bool:
    return isinstance(address, TcpAddress) and not address.port


def _resolved(address: TcpAddress) -> Iterator[tuple[int, tuple[Any, ...]]]:
    found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    yield from dict.fromkeys((family, place) for family, *_, place in found)


def _bound(family: int, place: tuple[Any, ...], *, shared: bool, both: bool) -> socket.socket:
    """`::` is both address families, as elsewhere, unless `both` is off; asyncio alone would take IPv6 for it."""
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, shared)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, not (both and place[0] == _EVERY))
        made.bind(place)
    except OSError:
        made.close()
        raise
    return made


def _beside(one: socket.socket) -> socket.socket:
    both = one.family == socket.AF_INET6 and not one.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
    return _bound(one.family, one.getsockname(), shared=True, both=both)
