"""The WebSocket of one upload: the server sends its progress, and a client pauses, resumes or cancels it."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress

from aiohttp import WSCloseCode, WSMsgType, hdrs, web

from tusd_py.domain.access_refusals import InsufficientScope, Unauthenticated
from tusd_py.domain.errors import Locked, Superseded, Unavailable
from tusd_py.domain.intents import Terminate
from tusd_py.domain.live_refusals import ForeignOrigin, TerminationDisabled, UpgradeRequired
from tusd_py.domain.refusals import Malformed, Refusal, UploadNotFound
from tusd_py.engine.pause import pause, resume
from tusd_py.engine.terminate import terminate
from tusd_py.http.context import ENGINE, Context
from tusd_py.http.endpoint import origin
from tusd_py.http.failures import refusal_of
from tusd_py.http.handlers.live import Watched, watching
from tusd_py.http.handlers.plain_refusals import plain_route
from tusd_py.protocol.live_events import Teller
from tusd_py.protocol.live_words import Action, error, messages, read_action
from tusd_py.tasks import end

SOCKET_TAIL = "/socket"
_LONGEST = 4096
"""The most bytes of a client's message."""
_CLOSE_SECONDS = 2.0
"""Seconds for which the server waits for the client's answer to a close."""
_RIGHTLESS = (Unauthenticated, InsufficientScope, UploadNotFound)


async def _open(request: web.Request, context: Context) -> web.StreamResponse:
    """Open the WebSocket, and serve it until the connection ends, the server shuts down, or the upload is gone, or
    finished with its jobs ended. Raises Refusal, StateUnavailable, only before the WebSocket is open.
    """
    _check_origin(request, context)
    heartbeat = None if context.live is None else context.live.heartbeat
    # aiohttp takes messages that are shorter than its limit
    socket = web.WebSocketResponse(
        heartbeat=heartbeat, max_msg_size=_LONGEST + 1, compress=False, timeout=_CLOSE_SECONDS
    )
    async with watching(request, context, SOCKET_TAIL, resumed=False) as watched:
        if not _can_open(socket, request):
            raise UpgradeRequired
        await socket.prepare(request)
        with suppress(ConnectionError):
            await _Socket(request, context, watched, socket).serve()
    return socket


def _can_open(socket: web.WebSocketResponse, request: web.Request) -> bool:
    """Return True if the request is a valid handshake (RFC 6455, 4.2.1)."""
    try:
        return socket.can_prepare(request).ok
    except ValueError:  # aiohttp can't decode, or repeat in its error, what isn't ASCII
        return False


def _check_origin(request: web.Request, context: Context) -> None:
    """Raise ForeignOrigin if the request has an Origin, that of the page that opens the socket, and it is neither this
    server's own nor allowed by CORS: browsers send no preflight for a WebSocket. Raises Malformed if there is an
    Origin, and this server's own can't be read from the request.
    """
    page = request.headers.get(hdrs.ORIGIN)
    if page is None or page == origin(request, context.trust):
        return
    if context.cors is None or not context.cors.allows(page):
        raise ForeignOrigin


class _Socket:
    """The WebSocket of one client: it sends messages about one upload, and carries out the client's actions on
    the upload.
    """

    def __init__(self, request: web.Request, context: Context, watched: Watched, socket: web.WebSocketResponse) -> None:
        self._engine, self._context, self._watched, self._socket = request[ENGINE], context, watched, socket
        self._teller = Teller(watched.endpoint, tells_renewals=True)

    async def serve(self) -> None:
        reader = asyncio.create_task(self._read(), name="live socket")
        try:
            await self._tell_all()
        finally:
            await end(reader)

    async def _tell_all(self) -> None:
        """Send messages about the upload as they are due, until the last one (`success`, or `error` if the upload is
        gone) is sent, the connection ends or the server shuts down; then close the socket, if it is still open. Raises
        ConnectionError."""
        clock, watched = self._engine.clock, self._watched
        while not self._socket.closed and watched.listener.connected:
            if watched.live.hub.closed:
                await self._socket.close(code=WSCloseCode.GOING_AWAY)
                return
            snapshot, now = watched.snapshot, clock()
            for message in messages(self._teller.tell(snapshot, now), snapshot, watched.endpoint, now):
                await self._send(message)
            if self._teller.ended:
                await self._socket.close()
                return
            await watched.listener.wait(max(self._teller.due_at(watched.snapshot, now) - clock(), 0.0))

    async def _send(self, message: object) -> None:
        """Send a message as JSON. If the client takes nothing for long, it doesn't answer a ping either, and aiohttp
        closes the connection. Raises ConnectionError once the connection is closed."""
        await self._socket.send_str(json.dumps(message, ensure_ascii=False, separators=(",", ":")))

    async def _read(self) -> None:
        """Carry out the client's actions, one after another, until the socket is closed; a message that is no action
        closes it."""
        try:
            async for message in self._socket:
                if message.type is not WSMsgType.TEXT:
                    await self._socket.close(code=WSCloseCode.UNSUPPORTED_DATA)
                    return
                await self._act(read_action(message.data))
        except Malformed:
            await self._socket.close(code=WSCloseCode.POLICY_VIOLATION)
        except ConnectionError:
            pass
        finally:
            self._watched.listener.wake()

    async def _act(self, action: Action) -> None:
        try:
            unchanged = await self._carry_out(action)
            await self._watched.live.hub.refresh(self._watched.topic)
        except (Refusal, Locked, Superseded, Unavailable) as failure:
            refusal = refusal_of(self._context, failure)
            code = "forbidden" if isinstance(refusal, _RIGHTLESS) else refusal.code
            await self._send(error(code, refusal.message))
        else:
            if unchanged:
                self._teller.repeat()
                self._watched.listener.wake()

    async def _carry_out(self, action: Action) -> bool:
        """Carry out the action; return True if the record still has the revision that the newest snapshot showed, as
        after `resume` without a pause. Raises Refusal, Locked, Superseded, Unavailable."""
        upload = self._watched.snapshot.upload
        if action is Action.CANCEL:
            self._engine.authorize(Terminate(), upload)
            if not self._engine.limits.termination:
                raise TerminationDisabled
            await terminate(self._engine, upload.id)
            return False
        saved = await (pause if action is Action.PAUSE else resume)(self._engine, upload.id)
        return saved.revision == upload.revision


SOCKET = plain_route(GET=_open)
