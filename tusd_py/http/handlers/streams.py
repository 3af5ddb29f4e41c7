"""Streams of server-sent events (HTML standard, "Server-sent events")."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress

from aiohttp import hdrs, web

from tusd_py.http.connection.body_stream import BodyStream
from tusd_py.protocol.live_wording import event_text

_LAST = "last-event-id"
_HEADERS = {hdrs.CONTENT_TYPE: "text/event-stream", hdrs.CACHE_CONTROL: "no-cache", "X-Accel-Buffering": "no"}
COMMENT = b": ping\n\n"
"""Keeps a stream alive, and says nothing."""


class EventStream:
    """The stream of one request."""

    def __init__(self, body: BodyStream, heartbeat: float) -> None:
        """`heartbeat` is the number of seconds of silence after which a comment is sent."""
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
        """Send an event with one line of data. Raises ConnectionError, also if a client has taken nothing for long."""
        await self._body.send(event_text(data, id=id, event=event))

    async def keep_alive(self) -> None:
        """Send a comment, if the stream was silent for so long. Raises ConnectionError."""
        if not self.silence_left:
            await self._body.send(COMMENT)


@asynccontextmanager
async def streaming(request: web.Request, heartbeat: float, patience: float) -> AsyncIterator[EventStream]:
    """Begin the response and yield its stream, to be kept alive. The connection is broken off once a client has
    taken nothing for `patience` seconds, and closed in the end."""
    response = event_response()
    with closing(BodyStream(request, response, patience)) as body:
        await body.begin()
        with suppress(ConnectionError):
            yield EventStream(body, heartbeat)


def event_response() -> web.StreamResponse:
    """Return a response whose connection is closed in the end."""
    response = web.StreamResponse(headers=_HEADERS)
    response.headers[hdrs.CONNECTION] = "close"
    response.force_close()
    return response


def last_event_id(request: web.Request) -> str:
    """Return the id of the last event that the client has got; empty if it has none."""
    return request.headers.get(_LAST) or request.query.get(_LAST, "")
