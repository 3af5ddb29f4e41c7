"""A request to the real handlers of listeners, and the client's side of its connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.test_utils import make_mocked_request

from tests.simulation.loop import Machine
from tusd_py.domain.caller import NO_CALLER
from tusd_py.engine.engine import Engine
from tusd_py.http.context import CALLER, ENGINE
from tusd_py.http.endpoint import CREATION

_APP = web.Application()
_APP[CREATION] = _APP.router.add_resource("/files/")


@dataclass(slots=True)
class _Protocol:
    """A stand-in for aiohttp's protocol of a connection: the attributes that a request reads, and the method that is
    called once the connection is lost."""

    transport: Any = None
    writer: Any = None
    ssl_context: None = None
    peername: None = None
    sockname: None = None

    def connection_lost(self, _: Exception | None) -> None:
        """Do nothing: the connection is only this request's."""


class Wire:
    """A stand-in for the transport of a request's connection to a node: bytes that the node writes reach the client at
    once."""

    def __init__(self, hear: Callable[[bytes], None], machine: Machine, clock: Callable[[], float]) -> None:
        self._hear, self._machine, self._clock = hear, machine, clock
        self.heard_at = clock()
        self.closed = asyncio.Event()
        self.breach: Exception | None = None
        """The exception that a piece of the body made the client raise, as for a broken promise; None if there was
        none."""
        self._receiver: asyncio.Protocol | None = None
        """The protocol, a part of the node, that has taken the connection over from aiohttp; None before."""

    def request(self, engine: Engine, path: str, last_id: str) -> web.Request:
        """Return a GET as a node gets it, sent as by a browser's EventSource."""
        _, *names = path.strip("/").split("/")
        headers = {"Accept": "text/event-stream", **({"Last-Event-ID": last_id} if last_id else {})}
        request = make_mocked_request(
            "GET",
            path,
            headers,
            match_info={"id": names[0]} if names else {},
            app=_APP,
            writer=_Writer(self),
            transport=self,
            protocol=_Protocol(),
        )
        request[ENGINE], request[CALLER] = engine, NO_CALLER
        return request

    def take(self, piece: bytes) -> None:
        """Pass a piece of the body to the client. An exception of the client is kept as `breach`, and closes the
        connection."""
        self.heard_at = self._clock()
        try:
            self._hear(piece)
        except Exception as error:  # noqa: BLE001  its client raises it
            self.breach = error
            self.close()

    def write(self, data: bytes) -> None:
        """Decode the chunks of the body in `data` (RFC 9112, 7.1), all of them whole, and pass the bytes of each to the
        client; drop what comes after the connection is closed."""
        while data and not self.is_closing():
            size, _, rest_of_data = data.partition(b"\r\n")
            piece, data = rest_of_data[: int(size, 16)], rest_of_data[int(size, 16) + 2 :]
            if piece:
                self.take(piece)

    def close(self) -> None:
        if not self.closed.is_set():
            self.closed.set()
            self._machine.hear(self._lose)

    abort = close

    def is_closing(self) -> bool:
        return self.closed.is_set()

    def set_protocol(self, receiver: asyncio.Protocol) -> None:
        self._receiver = receiver

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int | None = None) -> None:
        """Do nothing: the client takes all at once."""

    def resume_reading(self) -> None:
        """Do nothing: the client sends nothing."""

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # noqa: ARG002  the transport's signature
        return default

    def _lose(self) -> None:
        if self._receiver is not None:
            self._receiver.connection_lost(None)


class _Writer(AbstractStreamWriter):
    """The connection as aiohttp's handlers see it."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    @property
    def transport(self) -> Any:
        return self._wire

    async def write(self, chunk: Any) -> None:
        """Send a piece of the body. Raises ConnectionResetError if the connection is closed."""
        if self._wire.is_closing():
            raise ConnectionResetError
        self._wire.take(bytes(chunk))

    async def write_eof(self, chunk: bytes = b"") -> None:
        """Do nothing: the response ends when the task of its handler ends."""

    async def drain(self) -> None:
        """Do nothing: the client takes all at once."""

    async def write_headers(self, status_line: str, headers: Any) -> None:
        """Do nothing: the simulated client reads the status from the response that the handler returns."""

    def send_headers(self) -> None:
        """Do nothing: the client sees the task's response, as with `write_headers`."""

    def enable_compression(self, encoding: str = "deflate", strategy: int | None = None) -> None:
        """Do nothing: no stream is compressed."""

    def enable_chunking(self) -> None:
        """Do nothing: pieces come as they are."""
