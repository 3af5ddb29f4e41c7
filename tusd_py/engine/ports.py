"""All that the engine works with, in one value."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tusd_py.errors import Locked, StorageUnavailable
from tusd_py.events import Observer
from tusd_py.locking.base import Lease, Locker
from tusd_py.model import Cursor, Entry, Upload, UploadId
from tusd_py.protocol.limits import Limits
from tusd_py.protocol.rules import touch
from tusd_py.state.base import StateStore
from tusd_py.storage.base import Storage


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
                yield lease
        except Locked:
            if not got:
                self.observer.lock_waited(time.perf_counter() - started, got=False)
            raise

    async def save(self, upload: Upload, added: Sequence[Entry] = ()) -> Upload:
        """Save a change made now. Raises Superseded, StateUnavailable."""
        return await self.state.save(touch(upload, self.clock(), self.limits), added)

    async def sweep(self, before: Sequence[Cursor], after: Cursor) -> None:
        """Remove what found a better home. What can't be removed now is left for a sweep of the bucket."""
        try:
            await self.storage.sweep(before, after)
        except StorageUnavailable as error:
            self.observer.trouble("left-behind", reason=str(error))
