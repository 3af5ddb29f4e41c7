"""The hub between the changes of uploads and the listeners to uploads.

A listener subscribes, and then the record is read; after each change it is read again, once for all listeners. Changes
aren't queued or replayed: a slow listener gets the newest state alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from tusd_py.domain.errors import Unavailable
from tusd_py.domain.events import Event
from tusd_py.domain.job import Job
from tusd_py.domain.snapshot import FINISHED, Snapshot
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.live.listeners import Count, Listener
from tusd_py.ports.bus import Bus
from tusd_py.ports.observer import Observer
from tusd_py.tasks import end

Read = Callable[[UploadId], Awaitable[Snapshot | None]]

_TICK = 1.0
"""Seconds between two ticks. Each wakes listeners whose clients are gone, and has a record read again if the state was
unavailable at the last read, if jobs are under way (a job's progress isn't announced), or if it wasn't read for 10
ticks (`_HEAL`)."""
_HEAL = 10
"""The ticks since its last read after which the record of each upload with listeners is read again, as announcements
may get lost."""
_READERS = 4
"""The most changed records that are read at the same time."""
_REST = 4
"""The pause after a read of the records of all uploads with listeners, as a multiple of the time that the read took."""


class Topic:
    """An upload with listeners in this process, and its newest snapshot."""

    def __init__(self, upload_id: UploadId) -> None:
        self.id = upload_id
        self.listeners = set[Listener]()
        self.latest: Snapshot | None = None
        self.latest_without_content: Snapshot | None = None
        """The newest snapshot for listeners that only know the upload's URL."""
        self.ticks = 0
        """Ticks since the last read of the record; 10 (`_HEAL`) if that failed as the state was unavailable, so that
        the next tick has it read again."""

    def offer(self, snapshot: Snapshot | None) -> None:
        """Take a snapshot that was read, and wake all listeners of the topic if it is newer than `latest`. `snapshot`
        is None if no upload was found: if `latest` is an upload that hasn't ended, that one counts as terminated."""
        self.ticks = 0
        latest = self.latest
        if snapshot is None and latest is not None and not latest.is_gone:
            snapshot = latest.ended("terminated")  # its event isn't kept any more
        if snapshot is not None and (latest is None or snapshot.follows(latest)):
            self.latest, self.latest_without_content = snapshot, snapshot.without_content()
            self.wake()

    def wake(self) -> None:
        for listener in self.listeners:
            listener.wake()

    @property
    def has_jobs(self) -> bool:
        """True if the upload is finished, and jobs on it may be under way, or about to begin."""
        return self.latest is not None and self.latest.end == FINISHED and not self.latest.settled


class Hub(Observer):
    """The hub of a process: it has a topic for each upload with listeners, and the listeners of all events (followers).

    As an observer of the engine, it announces changes to other processes.
    """

    def __init__(self, read: Read, bus: Bus, count: Count) -> None:
        self._read, self._bus = read, bus
        self._count = count
        self._topics = dict[UploadId, Topic]()
        self._followers = set[Listener]()
        self._stale = dict[UploadId, None]()
        """The ids of the topics to read again, in order; the values mean nothing."""
        self._read_wanted = asyncio.Event()
        self._review_wanted = asyncio.Event()
        self._hearing = asyncio.Event()
        """Set while announcements of other processes are received: from the first listener on, until there is none at
        a tick."""
        self._listened = asyncio.Event()
        self._desertion = asyncio.Event()
        """Set at each tick without a listener: announcements of other processes needn't be received any more."""
        self.closed = False
        """True once the server shuts down: the requests that listen then end."""

    def saved(self, upload: Upload) -> None:
        self._announce(upload.id)

    def notify(self, event: Event) -> None:  # noqa: ARG002  the port's signature
        self._wake_followers()

    def ended(self, job: Job) -> None:
        self._announce(job.upload_or_own_id)
        self._wake_followers()

    @asynccontextmanager
    async def listening(
        self, upload_id: UploadId, client: str, connected: Callable[[], bool]
    ) -> AsyncIterator[tuple[Topic, Listener]]:
        """Subscribe to the upload, read its record, and yield its topic and the listener. The topic's `latest` is None
        if there is no such upload.

        `client` is the name under which the client's listeners are counted against the limits; `connected` returns
        False once the client is gone. The end of the context ends the subscription, unless the caller has called
        `Listener.redirect` on the listener: then the caller has to call `forget`. Raises TooManyListeners,
        ListenersFull, StateUnavailable.
        """
        topic, listener = self._topics.get(upload_id) or Topic(upload_id), Listener(connected)
        self._join(topic, listener, client)
        try:
            await self._hear()
            topic.offer(await self._read(upload_id))
            yield topic, listener
        finally:
            if not listener.redirected:
                self.forget(topic, listener, client)

    def forget(self, topic: Topic, listener: Listener, client: str) -> None:
        """Remove the listener that `listening` yielded from its topic, and the topic if no listener is left; count
        one listener less of the client.
        """
        self._count.remove(client)
        topic.listeners.discard(listener)
        if not topic.listeners and self._topics.get(topic.id) is topic:
            del self._topics[topic.id]

    async def refresh(self, topic: Topic) -> None:
        """Read the topic's record now, and wake its listeners if it has changed. Raises StateUnavailable."""
        topic.offer(await self._read(topic.id))

    @asynccontextmanager
    async def following(self, client: str, connected: Callable[[], bool]) -> AsyncIterator[Listener]:
        """Yield a listener of all events. It is woken after each event of this process, at each announcement from the
        bus, once its client is gone, and by `close`. `client` and `connected` are as in `listening`. Raises
        TooManyListeners, ListenersFull."""
        listener = Listener(connected)
        with self._count.one(client):
            self._followers.add(listener)
            try:
                await self._hear()
                yield listener
            finally:
                self._followers.discard(listener)

    def close(self) -> None:
        """Set `closed` and wake all listeners, so that their requests end."""
        self.closed = True
        for topic in self._topics.values():
            topic.wake()
        self._wake_followers()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the hub's tasks until the end of the context: they receive the announcements of other processes while
        there are listeners, and read changed records."""
        work = (self._tick(), self._review(), self._hear_others(), *(self._read_stale() for _ in range(_READERS)))
        tasks = [asyncio.create_task(coroutine, name="live hub") for coroutine in work]
        try:
            yield
        finally:
            await end(*tasks)

    def _join(self, topic: Topic, listener: Listener, client: str) -> None:
        self._count.add(client, len(topic.listeners))
        self._topics[topic.id] = topic
        topic.listeners.add(listener)

    @property
    def _deserted(self) -> bool:
        return not self._topics and not self._followers

    def _announce(self, upload_id: UploadId) -> None:
        """Announce the changed upload to other processes, and have its record read for listeners here."""
        self._bus.publish(upload_id)
        self._mark_stale(upload_id)

    def _mark_stale(self, upload_id: UploadId) -> None:
        if upload_id in self._topics:
            self._stale[upload_id] = None
            self._read_wanted.set()

    def _wake_followers(self) -> None:
        for listener in self._followers:
            listener.wake()

    async def _hear(self) -> None:
        """Wait until the bus has subscribed to the announcements of other processes; if it is unreachable, go on soon
        without them."""
        self._listened.set()
        await self._hearing.wait()

    async def _hear_others(self) -> None:
        """Receive the announcements of other processes while there is a listener here; runs until cancelled."""
        while True:
            await self._listened.wait()
            async with self._bus.listening(self._handle):
                self._hearing.set()
                while not self._deserted:
                    self._desertion.clear()
                    await self._desertion.wait()
                self._hearing.clear()
                self._listened.clear()

    def _handle(self, upload_id: UploadId | None) -> None:
        """Handle an announcement from the bus: have the record of the upload read if it has listeners; with None, as
        any upload may have changed, the records of all uploads with listeners. Wake the followers (the listeners of all
        events)."""
        if upload_id is None:
            self._review_wanted.set()
        else:
            self._mark_stale(upload_id)
        self._wake_followers()

    async def _read_stale(self) -> None:
        while True:
            await self._read_wanted.wait()
            while self._stale:
                upload_id = next(iter(self._stale))
                del self._stale[upload_id]
                await self._reread(upload_id)
            self._read_wanted.clear()

    async def _review(self) -> None:
        """Read the records of all uploads with listeners (the topics) after an announcement that names no upload.
        The pause before the next round grows with the time that this one took. Runs until cancelled.
        """
        clock = asyncio.get_running_loop().time
        while True:
            await self._review_wanted.wait()
            self._review_wanted.clear()
            began = clock()
            for upload_id in tuple(self._topics):
                await self._reread(upload_id)
            await asyncio.sleep(_REST * (clock() - began))

    async def _reread(self, upload_id: UploadId) -> None:
        """Read the record of the upload, if it still has listeners, and wake these if it has changed. If the state is
        unavailable, have the record read again at the next tick, about a second later at most; after any other error,
        log the error, and have the record read 10 ticks later, or at the next tick while jobs may be under way."""
        if (topic := self._topics.get(upload_id)) is not None:
            try:
                topic.offer(await self._read(upload_id))
            except Unavailable:
                topic.ticks = _HEAL
            except Exception as error:  # noqa: BLE001 - logged with its stack; other uploads have listeners, too
                topic.ticks = 0
                context = {"message": "a background task failed; it will run again", "exception": error}
                asyncio.get_running_loop().call_exception_handler(context)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK)
            for topic in tuple(self._topics.values()):
                topic.ticks += 1
                if topic.has_jobs or topic.ticks >= _HEAL:
                    self._mark_stale(topic.id)
                _wake_lost(topic.listeners)
            _wake_lost(self._followers)
            if self._deserted:
                self._desertion.set()


def _wake_lost(listeners: set[Listener]) -> None:
    """Wake listeners whose clients are gone."""
    for listener in listeners:
        if not listener.connected:
            listener.wake()
