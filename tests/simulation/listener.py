"""Clients that listen: to one upload, as a browser's EventSource, and to the feed of all events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

from tests.simulation.client import GIVE_UP
from tests.simulation.crew import HEARTBEAT
from tests.simulation.network import at_once
from tests.simulation.wire import Wire
from tests.simulation.world import FORESEEN, Violation, World
from tusd_py.domain.events import EventType, event_id
from tusd_py.domain.refusals import UploadGone, UploadNotFound
from tusd_py.domain.upload_id import UploadId
from tusd_py.http.handlers.feed import FEED
from tusd_py.http.handlers.live_events import EVENTS
from tusd_py.http.pipeline import Route
from tusd_py.ports.jobs import JobSelection

_SILENCE = 3 * HEARTBEAT
"""Seconds of silence after which a connection is given up."""
_AGAIN = 0.3
_PROMPT = 3.0
"""The most seconds in which a change has to be told in a calm run: fewer than the 10 s between the nodes' periodic
looks at an upload without running jobs, or at the feed, so that only an announcement is fast enough."""
_REASONS = {"finished": EventType.FINISHED, "infected": EventType.TERMINATED}


class Stream:
    """A client's stream of Server-Sent Events, which the client opens again each time its connection ends, on either
    node, with the id of the last event."""

    route: Route

    def __init__(self, world: World, path: str, *, at: int, leaves: Sequence[int], roams: bool, rests: float) -> None:
        """Begin at the node with index `at`. `leaves` has the numbers of events after which the client closes a
        connection, one number for each connection that it closes so; after them, it closes none for that reason. It
        waits `rests` seconds before each further connection, and makes that to the other node with `roams`, or if the
        connection before brought no event."""
        self.world = world
        self.last_id = ""
        self._path, self._at, self._leaves, self._roams, self._rests = path, at, list(leaves), roams, rests
        self._event_count = 0
        """Events that came on this connection."""
        self._connected_at = 0.0

    async def connect(self) -> int | None:
        """Listen until the connection ends. Return the status of the node's response, 404 also for 410; None if the
        node hasn't ended the response, as when the client closes the connection, or has failed or refused otherwise.
        Raises Violation for an event that breaks a promise."""
        node = self.world.node(self._at)
        self._event_count, self._connected_at = 0, self.world.now()
        wire = Wire(lambda data: self._take(wire, data), node.machine, self.world.loop.time)
        handle, context = self.route.handle, node.crew.context
        task = self.world.begin(node, lambda engine: handle(wire.request(engine, self._path, self.last_id), context))
        while not (task.done() or node.machine.crashed.done() or wire.is_closing()):
            closing = self.world.loop.create_task(wire.closed.wait())
            await asyncio.wait({task, node.machine.crashed, closing}, timeout=1.0, return_when=asyncio.FIRST_COMPLETED)
            closing.cancel()
            if self.world.loop.time() > wire.heard_at + _SILENCE:
                wire.close()
        wire.close()
        if wire.breach is not None:
            raise wire.breach
        return self._status(task)

    def _status(self, task: asyncio.Task[Any]) -> int | None:
        if not task.done():
            return None
        try:
            return int(task.result().status)
        except (UploadNotFound, UploadGone):
            return 404
        except FORESEEN:
            return None

    def _take(self, wire: Wire, piece: bytes) -> None:
        """Hear the events of a piece of the body, until the client closes the connection."""
        for text in piece.decode().removesuffix("\n\n").split("\n\n"):
            if not text.startswith(":") and not wire.is_closing():
                self._take_event(wire, text)

    def _take_event(self, wire: Wire, text: str) -> None:
        fields = dict(line.split(": ", 1) for line in text.split("\n"))
        self.hear(fields["id"], fields["event"], json.loads(fields["data"]))
        self.last_id = fields["id"]
        self._event_count += 1
        if self._event_count in self._leaves[:1]:
            del self._leaves[0]
            wire.close()

    def hear(self, id_: str, type_: str, data: Mapping[str, Any]) -> None:
        raise NotImplementedError

    def check_prompt(self, changed_at: float) -> None:
        """Check, in calm runs alone, that a change at `changed_at`, in seconds since the epoch, is told at most
        `_PROMPT` seconds after that or, if it began later, after the connection began. Raises Violation."""
        late = self.world.now() - max(changed_at, self._connected_at)
        if self.world.calm and late > _PROMPT:
            raise Violation(f"a change is told {late} s late")

    async def pause(self) -> None:
        """Wait the client's pause before the next connection; that goes to the other node if the client roams, or got
        no event on the last one."""
        self._at += self._roams or self._event_count == 0
        await asyncio.sleep(self._rests)


class Listener(Stream):
    """A client that listens to one upload until its end, and checks what it is told."""

    route = EVENTS

    def __init__(
        self,
        world: World,
        upload_id: UploadId,
        *,
        at: int = 0,
        leaves: Sequence[int] = (),
        roams: bool = False,
        rests: float = _AGAIN,
    ) -> None:
        super().__init__(world, f"/files/{upload_id}/events", at=at, leaves=leaves, roams=roams, rests=rests)
        self._upload_id = upload_id
        self._offset = self._revision = 0
        self.end: str | None = None
        """The reason of the upload's end that the client was told; None before."""

    async def listen(self) -> None:
        give_up = self.world.loop.time() + 2 * GIVE_UP + self.world.setup.expire_after
        while self.end is None:
            if self.world.loop.time() > give_up:
                raise Violation(f"the end of {self._upload_id} is never told, after {self.last_id}")
            if await self.connect() == 404 and self._is_gone_untold():
                return
            await self.pause()
        while (status := await self.connect()) is None:
            await self.pause()
        if status != 204:
            raise Violation(f"a listener that has got the end is answered {status}")

    def _is_gone_untold(self) -> bool:
        """Return True if 404 is right: the client has heard no event yet, and the upload is gone or has lost its bytes.
        Raises Violation if 404 is wrong."""
        record = self.world.record(self._upload_id)
        if self.last_id or (record is not None and record.alive and self._upload_id not in self.world.bereft):
            raise Violation(f"there is {record}, but its listener is told 404 after {self.last_id!r}")
        return True

    def hear(self, id_: str, type_: str, data: Mapping[str, Any]) -> None:
        if self.end is not None:
            raise Violation(f"{id_} is told after the end")
        if type_ == "job":
            return
        revision, offset = int(id_.partition(".")[0]), data["offset"]
        if revision < self._revision:
            raise Violation(f"revision {revision} is told after {self._revision}")
        if not self._offset <= offset <= self.world.durable[self._upload_id]:
            durable = self.world.durable[self._upload_id]
            raise Violation(f"a listener is told {offset} after {self._offset}, recorded are {durable}")
        self._revision, self._offset = revision, offset
        if type_ == "end":
            self.end = data["reason"]
            self._check_end(data["reason"])

    def _check_end(self, reason: str) -> None:
        """Check that the upload has ended for this reason, that a finished one is complete and its jobs have ended, and
        that the end was told in time. Raises Violation."""
        record = self.world.record(self._upload_id)
        event = at_once(self.world.records.outbox.event(event_id(self._upload_id, _type(reason))))
        if event is None or (record is not None and record.alive) != (reason == "finished"):
            raise Violation(f"the end is told as {reason}, but there is {record} {event}")
        jobs = at_once(self.world.records.jobs.list(JobSelection(upload_id=self._upload_id), None, 1000))
        if reason == "finished":
            self.world.check_complete(self._upload_id)
            if not all(job.ended for job in jobs) or len(jobs) < len(self.world.setup.on_finish):
                raise Violation(f"the end is told, but its jobs go on: {jobs}")
        changed_at = max((event.at, *(job.updated_at for job in jobs if reason == "finished")))
        self.check_prompt(changed_at)


class Follower(Stream):
    """A client that listens to the feed of all events, and checks that none is missing or out of order."""

    route = FEED

    def __init__(self, world: World, *, at: int = 0, leaves: Sequence[int] = (), roams: bool = False) -> None:
        super().__init__(world, "/events", at=at, leaves=leaves, roams=roams, rests=_AGAIN)
        self._seqs = list[int]()

    async def listen(self) -> None:
        """Listen without end: the caller cancels the task. Raises Violation for an event that breaks a promise."""
        while True:
            await self.connect()
            await self.pause()

    def hear(self, id_: str, type_: str, data: Mapping[str, Any]) -> None:  # noqa: ARG002 (the same for all)
        seq = int(id_)
        events = at_once(self.world.records.outbox.events(self._seqs[-1] if self._seqs else 0, 1))
        if not events or (events[0].seq, events[0].id) != (seq, data["id"]):
            raise Violation(f"event {seq} is told after {self._seqs[-1:]}, next is {events}")
        self._seqs.append(seq)
        self.check_prompt(events[0].at)

    @property
    def knows_all(self) -> bool:
        return not at_once(self.world.records.outbox.events(self._seqs[-1] if self._seqs else 0, 1))


def _type(reason: str) -> EventType:
    return _REASONS[reason] if reason in _REASONS else EventType(reason)
