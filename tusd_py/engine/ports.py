"""All that the engine works with, in one value."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial

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

_PAUSES = (0.0, 0.5, 2.0, 5.0)
"""Seconds before each attempt to record a doubt. Who has the turn keeps it until then, so that nobody ends the upload
unknowing; what hasn't come about after all of them isn't expected to."""


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
    lock_wait: float = 10.0
    """Seconds a request waits for its turn: long enough for a holder to save what it has and leave."""

    room: Room = field(default_factory=Room)

    async def look_at_room(self) -> None:
        """For the requests to come. The stores are asked: not on the way of one."""
        await self.room.look({"state": self.state.space, "storage": self.storage.space}, self.observer)

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
                if lease.inherited:
                    await self.remember_doubt(upload_id)
                yield lease
        except Locked:
            if not got:
                self.observer.lock_waited(time.perf_counter() - started, got=False)
            raise

    async def save(self, upload: Upload, added: Sequence[Entry] = ()) -> Upload:
        """Save a change made now. Raises Superseded, StateUnavailable."""
        return await self.state.save(touch(upload, self.clock(), self.limits), added)

    async def remember_doubt(self, upload_id: UploadId) -> None:
        """Record that the upload's object may come about by itself, unless the state stays away."""
        await persist(partial(self._remember_doubt, upload_id), _PAUSES, Superseded, StateUnavailable)

    async def _remember_doubt(self, upload_id: UploadId) -> None:
        """On the record as it is now: another may have moved the upload on, to its end even."""
        now = await self.state.load(upload_id)
        if now is not None and not now.doubt and now.phase is not Phase.GONE:
            await self.save(replace(now, doubt=True))

    async def sweep(self, before: Sequence[Cursor], after: Cursor) -> None:
        """Remove what found a better home. What can't be removed now is left for a sweep of the bucket."""
        try:
            await self.storage.sweep(before, after)
        except StorageUnavailable as error:
            self.observer.trouble("left-behind", reason=str(error))
