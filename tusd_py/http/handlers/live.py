"""The listening of a request to one upload, with which the handlers of its events and of its WebSocket begin; and the
route of its present state."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import hdrs, web

from tusd_py.domain.intents import Watch
from tusd_py.domain.phase import Phase
from tusd_py.domain.refusals import BadQuery, UploadGone, UploadNotFound
from tusd_py.domain.rules import plan_inspect
from tusd_py.domain.snapshot import Snapshot
from tusd_py.http.connection.body_stream import is_connected
from tusd_py.http.context import CALLER, ENGINE, Context
from tusd_py.http.handlers.plain_refusals import plain_route
from tusd_py.http.handlers.queries import read_number
from tusd_py.http.upload_url import upload_id_of
from tusd_py.live.hub import Topic
from tusd_py.live.listeners import Listener
from tusd_py.live.live import Live
from tusd_py.protocol.live_events import state_object
from tusd_py.protocol.live_wording import compact_json

STATUS_TAIL = "/status"
_LONGEST_WAIT = 60.0
_SECONDS = re.compile(r"[0-9]{1,18}(\.[0-9]{1,18})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A request that listens to an upload."""

    live: Live
    topic: Topic
    listener: Listener
    client: str
    """The name of the client, under which limits count the listener."""
    endpoint: str
    """The creation endpoint's URL."""
    shows_content: bool
    """True if the client may see the upload's metadata, digest, owner and jobs, not only its progress."""

    @property
    def snapshot(self) -> Snapshot:
        """The newest snapshot of the upload; it has metadata, digest, owner and jobs only if `shows_content`."""
        snapshot = self.topic.latest if self.shows_content else self.topic.latest_without_content
        assert snapshot is not None  # noqa: S101  for mypy: `watching` has checked it
        return snapshot

    def leave(self) -> None:
        """End the listener's subscription. To be called only after `Listener.redirect`, which has a function called
        after changes in place of a task that waits for them: from that call on, the end of the context `watching` no
        longer ends the subscription.
        """
        self.live.hub.forget(self.topic, self.listener, self.client)


@asynccontextmanager
async def watching(request: web.Request, context: Context, tail: str, *, resumed: bool) -> AsyncIterator[Watched]:
    """Listen to the upload that the request's path names before `tail` (such as `/events`), if the client may watch it,
    until the context ends or, if the listener then has a function called after changes (`Listener.redirect`), until
    `Watched.leave`. With `resumed`, for a client that has watched the upload before, the upload may also be gone or
    expired.

    Raises Refusal, StateUnavailable.
    """
    live, upload_id = live_of(context), await upload_id_of(request, tail)
    endpoint = context.endpoint(request)
    client = context.client(request)
    async with live.hub.listening(upload_id, client, lambda: is_connected(request)) as (topic, listener):
        await _check(request, topic.latest, resumed=resumed)
        shows = topic.latest is not None and request[ENGINE].rights.shows(request[CALLER], topic.latest.upload)
        yield Watched(live=live, topic=topic, listener=listener, client=client, endpoint=endpoint, shows_content=shows)


def live_of(context: Context) -> Live:
    """Return the parts of this process that tell listeners of changes of uploads. Raises UploadNotFound if that is
    switched off."""
    if context.live is None:
        raise UploadNotFound
    return context.live


async def _check(request: web.Request, snapshot: Snapshot | None, *, resumed: bool) -> None:
    """Raise a Refusal if the client may not watch the upload, or there is none; and, unless the client has
    watched the upload before (`resumed`), if the upload is gone or has expired.
    """
    engine, upload = request[ENGINE], None if snapshot is None else snapshot.upload
    engine.authorize(Watch(), upload)
    if snapshot is None or upload is None:
        raise UploadNotFound
    if snapshot.is_gone:
        if not resumed:
            raise UploadGone if engine.limits.answers_gone else UploadNotFound
        return
    if not resumed:
        plan_inspect(upload, limits=engine.limits, now=engine.clock())
    await engine.allow(Watch(), upload)


async def _tell_status(request: web.Request, context: Context) -> web.StreamResponse:
    """Answer with the upload's state as JSON. With `revision` in the query, first wait until the record has a later
    revision, the upload is gone or the server shuts down, for up to `wait` seconds (in the query; 0 by default, 60 at
    most); of an upload that is gone, the answer then tells the end. Raises BadQuery, and what `watching` raises.
    """
    wait, revision = _read_wait(request), read_number(request, "revision", -1)
    time = asyncio.get_running_loop().time
    until = time() + wait
    async with watching(request, context, STATUS_TAIL, resumed=revision >= 0) as watched:
        while revision >= watched.snapshot.upload.revision and not watched.snapshot.is_gone:
            seconds = until - time()
            if seconds <= 0 or watched.live.hub.closed or not watched.listener.connected:
                break
            await watched.listener.wait(seconds)
        return _status(watched, context.engine.clock())


def _status(watched: Watched, now: float) -> web.Response:
    snapshot = watched.snapshot
    members = _end_members(snapshot) if snapshot.is_gone else state_object(snapshot, watched.endpoint, now)
    headers = {hdrs.CACHE_CONTROL: "no-store", hdrs.ETAG: f'"{snapshot.upload.revision}"'}
    return web.Response(text=compact_json(members), content_type="application/json", headers=headers)


def _end_members(snapshot: Snapshot) -> Mapping[str, Any]:
    upload = snapshot.upload
    return {"id": upload.id, "phase": Phase.GONE, "end": snapshot.end, "revision": upload.revision}


def _read_wait(request: web.Request) -> float:
    text = request.query.get("wait", "0")
    if not _SECONDS.fullmatch(text):
        raise BadQuery("wait must be a number of seconds")
    return min(float(text), _LONGEST_WAIT)


STATUS = plain_route(GET=_tell_status)
