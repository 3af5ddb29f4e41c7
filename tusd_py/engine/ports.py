"""All that the engine works with, in one value."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial

from tusd_py.engine.patience import persist
from tusd_py.errors import Locked, StateUnavailable, StorageUnavailable, Superseded
from tusd_py.events import Observer
from tusd_py.locking.base import Lease, Locker
from tusd_py.model import Cursor, Entry, Phase, Upload, UploadId
from tusd_py.protocol.limits import Limits
from tusd_py.protocol.rules import touch
from tusd_py.state.base import StateStore
from tusd_py.storage.base import Storage

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
    lock_wait: float = 10.0
    """Seconds a request waits for its turn: long enough for a holder to save what it has and leave."""

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
                if lease.abandoned:
                    await self.remember_trouble(upload_id)
                yield lease
        except Locked:
            if not got:
                self.observer.lock_waited(time.perf_counter() - started, got=False)
            raise

    async def save(self, upload: Upload, added: Sequence[Entry] = ()) -> Upload:
        """Save a change made now. Raises Superseded, StateUnavailable."""
        return await self.state.save(touch(upload, self.clock(), self.limits), added)

    async def remember_trouble(self, upload_id: UploadId) -> None:
        """Record that the storage may hold, now or soon, what the upload doesn't name, unless the state stays away."""
        await persist(partial(self._remember_trouble, upload_id), _PAUSES, Superseded, StateUnavailable)

    async def _remember_trouble(self, upload_id: UploadId) -> None:
        """On the record as it is now: another may have moved the upload on, to its end even."""
        upload = await self.state.load(upload_id)
        if upload is not None and upload.phase is not Phase.GONE:
            await self.note(upload, troubled_at=self.clock())

    async def note(self, upload: Upload, *, troubled_at: float | None) -> Upload:
        """Save that, and if it is finished nothing else: its times are what clients see. Raises as `save`."""
        noted = replace(upload, troubled_at=troubled_at)
        return await (self.state.save(noted) if noted.done else self.save(noted))

    async def sweep(self, before: Sequence[Cursor], after: Cursor) -> bool:
        """Remove what found a better home; False if some of it stays for now."""
        try:
            await self.storage.sweep(before, after)
        except StorageUnavailable as error:
            self.observer.trouble("left-behind", reason=str(error))
            return False
        return True
