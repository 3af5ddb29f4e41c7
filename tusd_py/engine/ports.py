"""All that the engine works with, in one value."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial

from tusd_py.engine.open_uploads import OpenUploads
from tusd_py.engine.patience import persist
from tusd_py.engine.room import Room
from tusd_py.errors import Locked, StateUnavailable, StorageUnavailable, Superseded
from tusd_py.events import Observer
from tusd_py.locking.base import Lease, Locker
from tusd_py.model import Cursor, Entry, Phase, Upload, UploadId
from tusd_py.protocol.limits import Limits
from tusd_py.protocol.rules import touch
from tusd_py.state.base import StateStore
from tusd_py.storage.base import Storage
from tusd_py.thresholds import DEFAULT, Thresholds

_PAUSES = (0.0, 0.5, 2.0, 5.0)
"""Seconds before each attempt to record a trouble. The lock holder keeps the lock until then, so that no other ends the
upload unknowing; what hasn't come about after all of them isn't expected to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Makers behind their ports, limits, and what the world gives: the time and new ids."""

    storage: Storage
    state: StateStore
    locker: Locker
    limits: Limits
    observer: Observer
    clock: Callable[[], float]
    new_id: Callable[[], UploadId]
    base_path: str
    """Of the creation endpoint, with a slash at its end: how clients name partial uploads."""
    unrecorded: set[UploadId] = field(default_factory=set)
    """Uploads whose trouble the state has not been told of, as it was away."""
    lock_wait: float = 10.0
    """Seconds a request waits for its turn: long enough for a holder to save what it has and leave."""

    room: Room = field(default_factory=Room)
    open_uploads: OpenUploads = field(default_factory=OpenUploads)
    """One of those that the observer tells."""
    thresholds: Thresholds = DEFAULT

    async def look_at_room(self) -> None:
        """For the requests to come. The stores are asked: not on the way of one."""
        await self.room.look({"state": self.state.space, "storage": self.storage.space}, self.observer)
        await self.open_uploads.look(self.state.unfinished, self.observer)

    async def create(self, planned: Upload) -> Upload:
        """The new upload as recorded. Raises StoreFull, TooManyUploads, StateUnavailable."""
        self.room.check()
        with self.open_uploads.admitting(planned):
            upload = await self.state.create(replace(planned, cursor=self.storage.start(planned)))
        self.observer.upload_created(upload)
        return upload

    @asynccontextmanager
    async def hold(
        self, upload_id: UploadId, on_release_request: Callable[[], None] = lambda: None, *, wait: float | None = None
    ) -> AsyncIterator[Lease]:
        """The turn at an upload. Raises Locked, StateUnavailable."""
        patience = self.lock_wait if wait is None else wait
        started, got = time.perf_counter(), False
        try:
            async with self.locker.hold(upload_id, on_release_request=on_release_request, wait=patience) as lease:
                got = True
                self.observer.lock_waited(time.perf_counter() - started, got=True)
                async with self._telling(upload_id, lease):
                    yield lease
        except Locked:
            if not got:
                self.observer.lock_waited(time.perf_counter() - started, got=False)
            raise

    @asynccontextmanager
    async def _telling(self, upload_id: UploadId, lease: Lease) -> AsyncIterator[None]:
        """Record the trouble that holders before left, and leave to those after what can't be recorded now."""
        try:
            if lease.abandoned or upload_id in self.unrecorded:
                await self.remember_trouble(upload_id)
            yield
        finally:
            if upload_id in self.unrecorded:
                lease.abandon()

    async def save(self, upload: Upload, added: Sequence[Entry] = ()) -> Upload:
        """Save a change made now. Raises Superseded, StateUnavailable."""
        return await self.state.save(touch(upload, self.clock(), self.limits), added)

    async def remember_trouble(self, upload_id: UploadId) -> None:
        """Record that the storage may hold, now or soon, what the upload doesn't name. Where the state stays away, the
        next holder of the upload does so, or a sweep."""
        self.unrecorded.add(upload_id)
        await persist(partial(self._record_trouble, upload_id), _PAUSES, Superseded, StateUnavailable)

    async def _record_trouble(self, upload_id: UploadId) -> None:
        """On the record as it is now: another may have moved the upload on, to its end even."""
        upload = await self.state.load(upload_id)
        if upload is not None and upload.phase is not Phase.GONE:
            await self.note(upload, troubled_at=self.clock())
        self.unrecorded.discard(upload_id)

    async def note(self, upload: Upload, *, troubled_at: float | None) -> Upload:
        """Save that and nothing else: it doesn't keep the upload from expiring. Raises as `save`."""
        return await self.state.save(replace(upload, troubled_at=troubled_at))

    async def sweep(self, before: Sequence[Cursor], kept: Sequence[Cursor]) -> bool:
        """Remove what found a better home; False if some of it stays for now."""
        try:
            await self.storage.sweep(before, kept)
        except StorageUnavailable as error:
            self.observer.trouble("left-behind", reason=str(error))
            return False
        return True
