"""The hub between the changes of uploads and those that listen to them.

A listener subscribes and reads the record then; after each change the record is read again, once for all listeners.
The record is all that there is to replay: nothing is queued, a slow listener gets the newest state alone.
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
"""Seconds between two looks at listeners whose clients may be gone, and at records whose reading failed or that have
jobs: a job's progress isn't announced."""
_HEAL = 10
"""Ticks after which each record is read again, as announcements may get lost."""
_READERS = 4
"""Records that are read at a time."""
_REST = 4
"""Times as long as it took to read all records that it waits before it does so again."""


class Topic:
    """An upload that is listened to, and its newest snapshot."""

    def __init__(self, upload_id: UploadId) -> None:
        self.id = upload_id
        self.listeners = set[Listener]()
        self.latest: Snapshot | None = None
        self.latest_without_content: Snapshot | None = None
        """The same for listeners that only know the upload's URL."""
        self.ticks = 0
        """Ticks since it was read."""

    def offer(self, snapshot: Snapshot | None) -> None:
        """Take a snapshot that was read, unless a newer one is known, and wake all listeners if it is new."""
        self.ticks = 0
        latest = self.latest
        if snapshot is None and latest is not None and not latest.is_gone:
            snapshot = latest.ended("terminated")  # its event isn't kept any more
        if snapshot is not None and (latest is None or snapshot.version > latest.version):
            self.latest, self.latest_without_content = snapshot, snapshot.without_content()
            self.wake()

    def wake(self) -> None:
        for listener in self.listeners:
            listener.wake()

    @property
    def has_jobs(self) -> bool:
        """True if a job may be under way."""
        return self.latest is not None and self.latest.end == FINISHED and not self.latest.settled


class Hub(Observer):
    """The topics of a process, and the listeners of all events."""

    def __init__(self, read: Read, bus: Bus, count: Count) -> None:
        self._read, self._bus = read, bus
        self._count = count
        self._topics = dict[UploadId, Topic]()
        self._followers = set[Listener]()
        self._stale = dict[UploadId, None]()
        """Topics to read, in order."""
        self._read_wanted = asyncio.Event()
        self._review_wanted = asyncio.Event()
        self._hearing = asyncio.Event()
        """Set while other processes are heard, once there is a listener."""
        self._listened = asyncio.Event()
        self._desertion = asyncio.Event()
        """Set from time to time while there is no listener."""
        self.closed = False
        """True once the server shuts down: each listener leaves."""

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
        """Subscribe to the upload and yield its topic, with a snapshot that was read since if there is such an upload.

        A listener that was redirected stays until `forget`. Raises TooManyListeners, ListenersFull, StateUnavailable.
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
        """Tell the listener no more."""
        self._count.remove(client)
        topic.listeners.discard(listener)
        if not topic.listeners and self._topics.get(topic.id) is topic:
            del self._topics[topic.id]

    async def refresh(self, topic: Topic) -> None:
        """Read the topic's record now. Raises StateUnavailable."""
        topic.offer(await self._read(topic.id))

    @asynccontextmanager
    async def following(self, client: str, connected: Callable[[], bool]) -> AsyncIterator[Listener]:
        """Yield a listener of all events: it is woken after each, and from time to time. Raises the same."""
        listener = Listener(connected)
        with self._count.one(client):
            self._followers.add(listener)
            try:
                await self._hear()
                yield listener
            finally:
                self._followers.discard(listener)

    def close(self) -> None:
        """Wake all listeners, so that they leave."""
        self.closed = True
        for topic in self._topics.values():
            topic.wake()
        self._wake_followers()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Read records for listeners until the end of the context."""
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
        """Tell other processes, and listeners here."""
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
        """Return once other processes are heard."""
        self._listened.set()
        await self._hearing.wait()

    async def _hear_others(self) -> None:
        """Hear other processes while there is a listener here."""
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
        """Handle an announcement; None if any upload may have changed."""
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
        """Read all topics after an announcement that names none; the more there are, the more seldom."""
        clock = asyncio.get_running_loop().time
        while True:
            await self._review_wanted.wait()
            self._review_wanted.clear()
            began = clock()
            for upload_id in tuple(self._topics):
                await self._reread(upload_id)
            await asyncio.sleep(_REST * (clock() - began))

    async def _reread(self, upload_id: UploadId) -> None:
        """Read a topic again; one that can't be read now, at the next tick."""
        if (topic := self._topics.get(upload_id)) is not None:
            try:
                topic.offer(await self._read(upload_id))
            except Unavailable:
                topic.ticks = _HEAL

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
