"""The events of one upload, as server-sent events while it changes."""

from __future__ import annotations

from functools import partial

from aiohttp import web

from tusd_py.http.connection.long_answer import LongAnswer
from tusd_py.http.context import Context
from tusd_py.http.handlers.live import Watched, watching
from tusd_py.http.handlers.plain_refusals import plain_route
from tusd_py.http.handlers.streams import COMMENT, event_response, last_event_id
from tusd_py.live.turns import TurnTaker
from tusd_py.protocol.live_events import Teller

EVENTS_TAIL = "/events"
_END = ".end"
"""The suffix that marks the id of an upload's last event."""


async def _tell(request: web.Request, context: Context) -> web.StreamResponse:
    """Begin the stream of the upload's events. The stream goes on after this handler has returned (where aiohttp can't
    forget a connection, the handler returns only at its end): until the last event (the upload is gone, or finished
    with its jobs ended), a shutdown or the end of the connection. Return 204 to a client that has got the last event.
    Raises ConnectionError, and what `watching` raises."""
    last = last_event_id(request)
    if last.endswith(_END):
        return web.Response(status=204)
    async with watching(request, context, EVENTS_TAIL, resumed=bool(last)) as watched:
        response = event_response()
        answer = await LongAnswer.begin(request, response)
        received, describe = partial(watched.live.received, watched.topic.id), watched.live.wording.describe
        teller = Teller(watched.endpoint, received=received, describe=describe, resumed=bool(last))
        UploadEvents(context, watched, teller, answer).begin()
        await answer.let_go(request, context.connections)
    return response


class UploadEvents(TurnTaker):
    """The stream of events to one listener. It needs no task: `Turns` calls `take_turn` when the upload has changed,
    the client reads again, or time has passed."""

    __slots__ = ("_answer", "_context", "_teller", "_watched")

    def __init__(self, context: Context, watched: Watched, teller: Teller, answer: LongAnswer) -> None:
        super().__init__()
        self._context, self._watched, self._teller, self._answer = context, watched, teller, answer

    def begin(self) -> None:
        """Begin the stream: have `take_turn` called soon, to send the first events, and again when the upload has
        changed, the client reads again or the connection is lost."""
        self._watched.listener.redirect(self._wake)
        self._answer.wake = self._wake
        self._wake()

    def take_turn(self) -> None:
        answer = self._answer
        if answer.closed:
            self._watched.leave()
            return
        if answer.blocked:
            answer.check(self._context.network_timeout)
            seconds = self._context.network_timeout
        else:
            seconds = self._tell()
        self._watched.live.turns.give_in(seconds, self)

    def _tell(self) -> float:
        """Send the events that are due, or a comment after a silence; after the `end` event or at a shutdown, end the
        stream. Returns the seconds after which `take_turn` is to be called again."""
        watched, answer, now = self._watched, self._answer, self._context.engine.clock()
        events = () if watched.live.hub.closed else self._teller.tell(watched.snapshot, now)
        if events:
            answer.send(b"".join(map(watched.live.wording.text, events)))
        elif answer.silence >= watched.live.heartbeat:
            answer.send(COMMENT)
        if self._teller.ended or watched.live.hub.closed:
            answer.end()
            return self._context.network_timeout
        due = max(self._teller.due_at(watched.snapshot, now) - now, 0.0)
        return min(due, watched.live.heartbeat - answer.silence)

    def _wake(self) -> None:
        self._watched.live.turns.give(self)


EVENTS = plain_route(GET=_tell)
