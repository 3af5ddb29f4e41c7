"""The undocumented parts of aiohttp and asyncio that this package uses. They are probed once at import.

If a part is missing or works differently, the feature that needs it stays off, and aiohttp does its work: it reads
bodies, limits heads in its own way, and keeps connections for long answers. `REPLACES_PARSERS`, `COUNTS_HEADS` and
`FORGETS_CONNECTIONS` say which features are on.
"""
# ruff: noqa: SLF001 (see above)

from __future__ import annotations

import asyncio
from asyncio import selector_events
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from aiohttp import StreamReader, web, web_protocol
from aiohttp.http import HttpRequestParser

PARSER = ("_loop", "_manager", "_max_msg_queue_size", "_parser", "_read_bufsize")
"""Attributes of a `RequestHandler` that replacing its parser needs."""
CONNECTION = (
    *(
        "_close",
        "_current_request",
        "_force_close",
        "_handle_request",
        "_handler_waiter",
        "_make_error_handler",
        "_messages",
    ),
    *("_msg_queue_resume_size", "_pause_reading_for_buffer", "_request_count", "_request_in_progress"),
    *("_payload_parser", "_resume_reading_for_buffer", "_upgraded", "_waiter"),
)
"""Attributes of a `RequestHandler` that are needed to count the bytes of requests' heads (`heads.py`)."""
SERVER = ("_kwargs", "_loop")
"""Attributes of an aiohttp `Server` that are needed to count the bytes of requests' heads (`heads.py`)."""
FORGOTTEN = ("_current_request", "_force_close", "_manager", "_messages", "_task_handler", "transport")
"""Attributes of a `RequestHandler` that `forget` needs, which takes the connection from it for good."""

SocketTransport: type[Any] | None = getattr(selector_events, "_SelectorSocketTransport", None)
"""asyncio's class for transports of plain TCP and UNIX sockets; None if this Python has none of the known name."""
ErrorInfo: type[Any] = getattr(web_protocol, "_ErrInfo", tuple)
"""aiohttp's class for a parse error in a connection's queue of messages; `tuple` if aiohttp has no such class."""


def new_parser(http: Any) -> HttpRequestParser:
    """Return a parser like the one that `http`, a `RequestHandler` of aiohttp, makes for itself."""
    manager = http._manager
    return HttpRequestParser(
        http,
        http._loop,
        http._read_bufsize,
        max_line_size=http.max_line_size,
        max_field_size=http.max_field_size,
        max_headers=http.max_headers,
        payload_exception=web.RequestPayloadError,
        auto_decompress=manager is None or manager._kwargs.get("auto_decompress", True),
        max_msg_queue_size=http._max_msg_queue_size,
    )


def forget(http: Any) -> None:
    """Make `http`, a `RequestHandler` of aiohttp, end as if its connection were lost, without closing the transport,
    which the caller owns from then on."""
    http.transport = None  # else it would be closed
    http.connection_lost(None)


def can_forget_connections() -> bool:
    """Return True if, with the installed aiohttp, a connection can be taken from it for good (`forget`)."""
    return _works(_probe_forgetting)


def can_replace_parsers() -> bool:
    """Return True if, with the installed aiohttp and Python, a connection can be taken from aiohttp for a body, and
    given back with a new parser."""
    return SocketTransport is not None and _works(_probe_parser)


def can_count_heads() -> bool:
    """Return True if, with the installed aiohttp and Python, the bytes of heads on aiohttp's connections can be
    counted."""
    return can_replace_parsers() and hasattr(web_protocol, "_ErrInfo") and _works(_probe_connection)


def _works(probe: Callable[[web.Server, Any], bool]) -> bool:
    try:
        with _connection() as (server, http):
            return probe(server, http)
    except Exception:  # noqa: BLE001 (any error means: not as expected)
        return False


@contextmanager
def _connection() -> Iterator[tuple[Any, Any]]:
    """Yield an aiohttp server and one of its request handlers, without a transport, on a new event loop that doesn't
    run."""

    async def handle(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response()

    loop = asyncio.new_event_loop()
    try:
        server: Any = web.Server(handle, loop=loop)
        yield server, server()
    finally:
        loop.close()


def _probe_parser(_: Any, http: Any) -> bool:
    if not all(hasattr(http, name) for name in PARSER) or not isinstance(http._parser, HttpRequestParser):
        return False
    if not hasattr(StreamReader, "_read_nowait"):
        return False
    messages, upgraded, unparsed = new_parser(http).feed_data(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    return len(messages) == 1 and not upgraded and not unparsed


def _probe_connection(server: Any, http: Any) -> bool:
    names = all(hasattr(http, name) for name in CONNECTION) and all(hasattr(server, name) for name in SERVER)
    return names and hasattr(web.AppRunner, "_make_server") and hasattr(asyncio.BaseTransport(), "_extra")


def _probe_forgetting(_: Any, http: Any) -> bool:
    if not all(hasattr(http, name) for name in FORGOTTEN) or http.transport is not None:
        return False
    http.transport = transport = _Untouched()
    forget(http)
    return http._manager is None and http._force_close and not transport.calls


class _Untouched:
    """A stand-in for a transport, to prove that `forget` leaves the transport alone: each attempt to access an
    attribute is counted, and raises AttributeError.
    """

    def __init__(self) -> None:
        self.calls = 0

    def __getattr__(self, name: str) -> Any:
        self.calls += 1
        raise AttributeError(name)


REPLACES_PARSERS = can_replace_parsers()
COUNTS_HEADS = can_count_heads()
FORGETS_CONNECTIONS = can_forget_connections()
