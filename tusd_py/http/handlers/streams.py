"""Streams of server-sent events (HTML standard, "Server-sent events")."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from aiohttp import hdrs, web

if TYPE_CHECKING:
    from aiohttp_sse import EventSourceResponse  # an extra

_LAST = "last-event-id"


class EventStream:
    """The stream of one request."""

    def __init__(self, request: web.Request, response: EventSourceResponse) -> None:
        self._request, self.response = request, response

    @property
    def connected(self) -> bool:
        return is_connected(self._request)

    async def send(self, data: str, *, id: str, event: str) -> None:  # noqa: A002  the field's name
        """Send an event. Raises ConnectionError; a client that takes nothing for long loses its connection."""
        try:
            await self.response.send(data, id=id, event=event)
        except TimeoutError as error:
            raise ConnectionResetError("the client takes nothing") from error


@asynccontextmanager
async def streaming(request: web.Request, heartbeat: float, patience: float) -> AsyncIterator[EventStream]:
    """Begin the response and yield its stream: a comment is sent every `heartbeat` seconds, and the connection is
    broken off once a client has taken nothing for `patience` seconds. Closes the connection in the end."""
    from aiohttp_sse import EventSourceResponse  # noqa: PLC0415  an extra

    response = EventSourceResponse(sep="\n", send_timeout=patience, ping_interval=heartbeat)
    response.headers[hdrs.CONNECTION] = "close"
    response.force_close()
    await response.prepare(request)
    request.writer.send_headers()  # else aiohttp sends them with the first event
    async with response:
        with suppress(ConnectionError):
            yield EventStream(request, response)


def is_connected(request: web.Request) -> bool:
    """Return False once the client has closed the connection."""
    return request.transport is not None and not request.transport.is_closing()


def last_event_id(request: web.Request) -> str:
    """Return the id of the last event that the client has got; empty if it has none."""
    return request.headers.get(_LAST) or request.query.get(_LAST, "")
