"""All that the engine works with, in one value."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from tusd_py.domain.caller import NO_CALLER, Caller
from tusd_py.domain.errors import Locked, StorageUnavailable
from tusd_py.domain.intents import Intent
from tusd_py.domain.lifecycle import begin
from tusd_py.domain.limits import Limits
from tusd_py.domain.thresholds import DEFAULT, Thresholds
from tusd_py.domain.upload import Cursor, Upload, UploadId
from tusd_py.engine.open_uploads import OpenUploads
from tusd_py.engine.records import Records
from tusd_py.engine.room import Room
from tusd_py.ports.locks import Lease, Locker
from tusd_py.ports.meter import Meter
from tusd_py.ports.observer import Observer
from tusd_py.ports.policy import AllowAll, Policy
from tusd_py.ports.state import StateStore
from tusd_py.ports.storage import Storage


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """Makers behind their ports, limits, and what the world gives: the time and new ids."""

    records: Records = field(init=False)

    storage: Storage
    state: StateStore
    locker: Locker
    limits: Limits
    observer: Observer
    policy: Policy = field(default_factory=AllowAll)
    caller: Caller = NO_CALLER
    """Whose request it acts on."""
    meter: Meter = field(default_factory=Meter)
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

    def __post_init__(self) -> None:
        records = Records(
            state=self.state,
            storage=self.storage,
            limits=self.limits,
            observer=self.observer,
            caller=self.caller,
            clock=self.clock,
            unrecorded=self.unrecorded,
        )
        object.__setattr__(self, "records", records)

    def acting_for(self, caller: Caller) -> Engine:
        """The same engine on a request of this caller: its events name it, and its rights are judged."""
        return replace(self, caller=caller)

    async def allow(self, intent: Intent, upload: Upload) -> None:
        """Return if the caller may do that with the upload, as planned. Raises Refusal."""
        await self.policy.allow(self.caller, intent, upload)

    async def look_at_room(self) -> None:
        """For the requests to come. The stores are asked: not on the way of one."""
        await self.room.look({"state": self.state.space, "storage": self.storage.space}, self.observer, self.meter)
        await self.open_uploads.look(self.state.unfinished, self.meter)

    async def create(self, planned: Upload) -> Upload:
        """The new upload as recorded. Raises StoreFull, TooManyUploads, StateUnavailable."""
        self.room.check()
        with self.open_uploads.admitting(planned):
            begun = replace(planned, owner=self.caller.identity, cursor=self.storage.start(planned))
            return await self.records.create(begin(begun))

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
                self.meter.lock_waited(time.perf_counter() - started, got=True)
                async with self._telling(upload_id, lease):
                    yield lease
        except Locked:
            if not got:
                self.meter.lock_waited(time.perf_counter() - started, got=False)
            raise

    @asynccontextmanager
    async def _telling(self, upload_id: UploadId, lease: Lease) -> AsyncIterator[None]:
        """Record the trouble that holders before left, and leave to those after what can't be recorded now."""
        try:
            if lease.abandoned or upload_id in self.unrecorded:
                await self.records.remember_trouble(upload_id)
            yield
        finally:
            if upload_id in self.unrecorded:
                lease.abandon()

    async def sweep(self, before: Sequence[Cursor], kept: Sequence[Cursor]) -> bool:
        """Remove what found a better home; False if some of it stays for now."""
        try:
            await self.storage.sweep(before, kept)
        except StorageUnavailable as error:
            self.observer.trouble("left-behind", reason=str(error))
            return False
        return True
