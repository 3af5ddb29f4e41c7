"""GET /events: the feed of events that a caller may see, as server-sent events or as lines of JSON (NDJSON)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass

from aiohttp import hdrs, web

from tusd_py.domain.errors import StateUnavailable
from tusd_py.domain.numbers import parse_integer
from tusd_py.domain.principal import WATCH
from tusd_py.domain.refusals import BadQuery, Malformed, UploadNotFound
from tusd_py.domain.thresholds import Thresholds
from tusd_py.http.connection.body_stream import BodyStream, is_connected
from tusd_py.http.context import Context
from tusd_py.http.failures import refusal_of
from tusd_py.http.handlers.live import live_of
from tusd_py.http.handlers.plain_refusals import plain_route
from tusd_py.http.handlers.queries import read_accept, read_choice, read_flag
from tusd_py.http.handlers.streams import EVENTS, last_event_id, streaming
from tusd_py.http.handlers.watching import watcher_of
from tusd_py.live.feed import Choice, Page, read_page
from tusd_py.live.listeners import Listener
from tusd_py.live.live import Live
from tusd_py.ports.outbox import Outbox, StoredEvent
from tusd_py.protocol.listing import NDJSON
from tusd_py.serving.negotiation import preferred_type

_HEAL = 10.0
"""Seconds after which, at the latest, the outbox is read again without an announcement of a new event: those that other
processes send may get lost."""


@dataclass(slots=True, kw_only=True)
class _Feed:
    """The events that one request asks for, read from the outbox."""

    live: Live
    outbox: Outbox
    listener: Listener
    choice: Choice
    since: int
    """The number of the last event that was read; at first, the number after which the request asks for events."""
    thresholds: Thresholds
    """The limits of one read of the outbox: `event_page` events, and `page_size` characters of their JSON, after
    which it ends."""

    def format(self, event: StoredEvent) -> bytes:
        """Return the event as it is told to the caller, as JSON in UTF-8."""
        return self.live.format_event(event, self.choice.watcher)

    async def next(self) -> Page:
        limits = self.thresholds.event_page, self.thresholds.page_size
        page = await read_page(self.outbox, self.choice, self.since, *limits)
        self.since = page.read_to
        return page

    async def pages(self, first: Page, seconds: float) -> AsyncIterator[Page]:
        """Yield the first page, then the pages after it: each as soon as there may be events, or after `seconds`
        without any, and then it may be empty. Ends when the server shuts down or the client is gone. Raises
        StateUnavailable."""
        page = first
        while True:
            yield page
            if not page.full:
                await self.listener.wait(seconds)
            if self.live.hub.closed or not self.listener.connected:
                return
            page = await self.next()


async def _tell(request: web.Request, context: Context) -> web.StreamResponse:
    live, outbox = live_of(context), context.engine.state.outbox
    if outbox is None:
        raise UploadNotFound
    choice, lines = _read_choice(request, context), _wants_lines(request)
    since = await _since(request, outbox)
    async with live.hub.following(context.client(request), lambda: is_connected(request)) as listener:
        thresholds = context.engine.thresholds
        feed = _Feed(live=live, outbox=outbox, listener=listener, choice=choice, since=since, thresholds=thresholds)
        first = await feed.next()
        if lines:
            return await _tell_lines(request, context, feed, first, since)
        return await _tell_events(request, context, feed, first)


async def _tell_events(request: web.Request, context: Context, feed: _Feed, first: Page) -> web.StreamResponse:
    """Send server-sent events until the client leaves, the server shuts down or the state store fails. The client
    reconnects with the number of the last event. Raises ConnectionError if the client leaves before the head is
    sent."""
    async with streaming(request, feed.live.heartbeat, context.network_timeout) as stream:
        try:
            async for page in feed.pages(first, min(feed.live.heartbeat, _HEAL)):
                await stream.keep_alive()
                for event in page.events:
                    text = feed.format(event).decode()
                    await stream.send(text, id=str(event.seq), event=event.type)
        except StateUnavailable as error:
            refusal_of(context, error)
    return stream.response


async def _tell_lines(
    request: web.Request, context: Context, feed: _Feed, first: Page, since: int
) -> web.StreamResponse:
    """Send a line for each event, then a last line with the number of the last event sent (`since` if none was). The
    last line also says that all events are sent, which it never does with `follow=1` in the query, or has the code of
    the fault that ended the response. A shutdown ends the response without a last line. Raises BadQuery if `follow` is
    neither 1 nor 0; ConnectionError.
    """
    follow = read_flag(request, "follow")
    headers = {hdrs.CONTENT_TYPE: NDJSON.content_type, hdrs.CACHE_CONTROL: "no-cache", "X-Accel-Buffering": "no"}
    with closing(BodyStream(request, web.StreamResponse(headers=headers), context.network_timeout)) as body:
        await body.begin()
        lines = _Lines(body, feed, since)
        try:
            async for page in feed.pages(first, min(feed.live.heartbeat, _HEAL)):
                await lines.send(page)
                if not follow and not page.full:
                    await body.send(NDJSON.end(str(lines.cursor), lines.count))
                    break
        except StateUnavailable as error:
            await body.break_off(NDJSON.fault(refusal_of(context, error).code, str(lines.cursor)))
        return body.response


class _Lines:
    """A writer that sends events as lines of NDJSON into one response, and counts them."""

    def __init__(self, body: BodyStream, feed: _Feed, since: int) -> None:
        self._body, self._feed = body, feed
        self.cursor, self.count = since, 0
        """The number of the last event that was sent (`since` at first), and how many were sent."""

    async def send(self, page: Page) -> None:
        """Send a line for each event of the page; after `heartbeat` seconds of silence, a blank line. Raises
        ConnectionError."""
        for event in page.events:
            await self._body.send(self._feed.format(event) + b"\n")
            self.cursor, self.count = event.seq, self.count + 1
        if self._body.silence >= self._feed.live.heartbeat:
            await self._body.send(b"\n")


def _read_choice(request: web.Request, context: Context) -> Choice:
    """Return the choice of events that the query asks for, among those that the caller may see. Raises what
    `watcher_of` raises.
    """
    watcher = watcher_of(request, context, WATCH)
    types = request.query.get("types")
    words = None if types is None else frozenset(filter(None, types.split(",")))
    return Choice(watcher=watcher, types=words, owner=request.query.get("owner"))


def _wants_lines(request: web.Request) -> bool:
    if (chosen := read_choice(request, "format", ("ndjson", "sse"))) is not None:
        return chosen == "ndjson"
    return preferred_type(read_accept(request), (EVENTS, NDJSON.content_type)) == NDJSON.content_type


async def _since(request: web.Request, outbox: Outbox) -> int:
    """Return the number after which events are sent: Last-Event-ID, from the header field or the query, else `since`
    of the query, else 0. `now` in either stands for the latest event. Raises BadQuery, StateUnavailable.
    """
    text = last_event_id(request) or request.query.get("since", "0")
    if text == "now":
        return await outbox.last_seq()
    try:
        return parse_integer("since", text)
    except Malformed:
        raise BadQuery("since, or Last-Event-ID, must be a number of at most 18 digits, or now") from None


FEED = plain_route(GET=_tell)
