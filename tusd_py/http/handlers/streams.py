"""Streams of server-sent events (HTML standard, "Server-sent events")."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress

from aiohttp import hdrs, web

from tusd_py.http.connection.body_stream import BodyStream
from tusd_py.protocol.live_wording import event_text

EVENTS = "text/event-stream"
"""The media type of server-sent events."""
_LAST = "last-event-id"
_HEADERS = {hdrs.CONTENT_TYPE: EVENTS, hdrs.CACHE_CONTROL: "no-cache", "X-Accel-Buffering": "no"}
COMMENT = b": ping\n\n"
"""A comment, which keeps the connection of a stream open and means nothing."""


class EventStream:
    """The stream of server-sent events that answers one request."""

    def __init__(self, body: BodyStream, heartbeat: float) -> None:
        """`heartbeat` is the number of seconds of silence after which `keep_alive` sends a comment."""
        self._body, self._heartbeat = body, heartbeat

    @property
    def response(self) -> web.StreamResponse:
        return self._body.response

    @property
    def connected(self) -> bool:
        return self._body.connected

    @property
    def silence_left(self) -> float:
        """Seconds after which `keep_alive` is due, if nothing is sent until then."""
        return max(self._heartbeat - self._body.silence, 0.0)

    async def send(self, data: str, *, id: str, event: str) -> None:  # noqa: A002  the field's name
        """Send an event with one line of data. Raises ConnectionError if the client is gone, or has taken nothing for
        `patience` seconds (`streaming`).
        """
        await self._body.send(event_text(data, id=id, event=event))

    async def keep_alive(self) -> None:
        """Send a comment if nothing was sent for `heartbeat` seconds. Raises ConnectionError."""
        if not self.silence_left:
            await self._body.send(COMMENT)


@asynccontextmanager
async def streaming(request: web.Request, heartbeat: float, patience: float) -> AsyncIterator[EventStream]:
    """Send the head, and yield the stream. The caller must call the stream's `keep_alive` each time its
    `silence_left` has run out. The connection is aborted once a client has taken nothing for `patience` seconds.

    ConnectionError ends the context silently, but is raised if the client is gone before the head was sent.
    """
    response = event_response()
    with closing(BodyStream(request, response, patience)) as body:
        await body.begin()
        with suppress(ConnectionError):
            yield EventStream(body, heartbeat)


def event_response() -> web.StreamResponse:
    """Return the response of a stream of events; its connection is closed after it."""
    response = web.StreamResponse(headers=_HEADERS)
    response.headers[hdrs.CONNECTION] = "close"
    response.force_close()
    return response


def last_event_id(request: web.Request) -> str:
    """Return the id of the last event that the client has got, from the field Last-Event-ID, else from the query
    (`last-event-id`); empty if there is none."""
    return request.headers.get(_LAST) or request.query.get(_LAST, "")
