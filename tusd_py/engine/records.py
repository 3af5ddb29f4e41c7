"""The only writer of records: a change counts once its record is saved, with its event, and observers get it then.

Each save is a compare-and-set on the upload's revision. If a writer may have stored something that it couldn't
record, that is recorded as the upload's trouble. If a writer that lost its lock finds the upload finished or
ended, it removes what the storage holds beyond the record.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial

from tusd_py.domain.access_refusals import OverQuota
from tusd_py.domain.caller import Caller
from tusd_py.domain.checkpoint import Entry
from tusd_py.domain.errors import StateUnavailable, Superseded, Unavailable
from tusd_py.domain.events import Event
from tusd_py.domain.lengths import length_limit
from tusd_py.domain.lifecycle import Change, assume_gone, note_trouble
from tusd_py.domain.limits import Limits
from tusd_py.domain.phase import UNFINISHED, Phase
from tusd_py.domain.principal import Grant, Quota
from tusd_py.domain.rules import touch
from tusd_py.domain.thresholds import DEFAULT, Thresholds
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.domain.usage import drop_reservation, reserve
from tusd_py.engine.quotas import Quotas
from tusd_py.engine.record_retry import retry
from tusd_py.ports.observer import Observer
from tusd_py.ports.state import StateStore
from tusd_py.ports.storage import Storage

_TROUBLE_PAUSES = (0.0, 0.5, 2.0, 5.0)
"""Seconds before each attempt to record a trouble. The caller keeps the upload's lock meanwhile, so that no other
process ends the upload without knowing of the trouble. If all attempts fail, the next lock holder or sweep records it.
"""
_LATE_PAUSES = (0.0, 2.0, 10.0, 40.0)
"""Seconds before each attempt to clean up by a writer that lost its lock: no other process knows of its bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """The writer of uploads' records to the state, on the request of one caller."""

    state: StateStore
    storage: Storage
    limits: Limits
    observer: Observer
    caller: Caller
    """The client, or the job, that makes the changes; `NO_CALLER` if neither does: in a sweep, for example."""
    refund: Grant | None = None
    """The grant of which a use is given back with the end of an upload; None for none."""
    clock: Callable[[], float]
    quotas: Quotas
    thresholds: Thresholds = DEFAULT
    unrecorded: set[UploadId] = field(default_factory=set)
    """Uploads whose trouble (`remember_trouble`) isn't recorded yet, as no attempt has succeeded so far."""

    async def rebuild(self, change: Change, entries: Sequence[Entry]) -> Upload:
        """Record an upload again whose record was lost, and return it. Raises ValueError if its id is taken; NameTaken,
        StateFull, StateUnavailable."""
        events = self._events(change, change.upload)
        return self._notify(events, await self.state.create(change.upload, entries, events))

    async def create(self, change: Change, quota: Quota | None, grant: Grant | None) -> Upload:
        """Record a new upload and return it. Raises NameTaken, TokenUsedUp, OverQuota, StateFull, StateUnavailable."""
        events = self._events(change, change.upload)
        return self._notify(events, await self.state.create(change.upload, (), events, quota=quota, grant=grant))

    async def save(self, change: Change, added: Sequence[Entry] = ()) -> Upload:
        """Record the change and the entries `added` with it, with a new expiry, and return the upload. If the change
        ends the upload, a use of the grant `Records.refund` is given back. Raises Superseded, StateUnavailable.
        """
        moved, refund = self._moved(change), self.refund if change.ends else None
        events = self._events(change, moved)
        return await self._commit(change, events, self.state.save(moved, added, events, refund=refund))

    async def grow(self, change: Change, added: Sequence[Entry] = ()) -> Upload:
        """Record a change by which the upload may have got more bytes, or its length, with the entries `added`; return
        the upload. Raises OverQuota above the account's quota, Superseded, StateUnavailable.
        """
        grown = self._grown(change)
        events = self._events(change, grown)
        saving = self._save_within_quota(grown, change.upload.account.reserved, added, events)
        return await self._commit(change, events, saving)

    async def rewind(self, change: Change, entries: Sequence[Entry]) -> Upload:
        """Record the change with a new expiry, and with `entries` in place of all earlier ones; return the upload.
        Raises Superseded, StateUnavailable."""
        moved = self._moved(change)
        events = self._events(change, moved)
        return self._notify(events, await self.state.rewind(moved, entries, events))

    async def note(self, upload: Upload) -> Upload:
        """Save the upload without an event or a new expiry, and return it. Raises Superseded, StateUnavailable."""
        return self._notify((), await self.state.save(upload))

    async def delete(self, upload: Upload) -> None:
        """Delete the record of an ended upload. Raises Superseded, StateUnavailable."""
        await self.state.delete(upload)

    async def _save_within_quota(
        self, upload: Upload, reserved: int, added: Sequence[Entry], events: Sequence[Event]
    ) -> Upload:
        """Save the upload and return it: with a smaller reservation if its account has no room for the whole one.
        `reserved` is the stored reservation, in bytes. Raises OverQuota if no smaller one fits, Superseded,
        StateUnavailable."""
        quota = self.quotas.of(upload.account)
        while True:
            try:
                return await self.state.save(upload, added, events, quota=quota)
            except OverQuota:
                fitting = await self.quotas.fit(upload, reserved)
                if fitting is None:
                    raise
            upload = fitting

    def _moved(self, change: Change) -> Upload:
        """Return the changed upload as it is to be recorded: with the time of the change, a new expiry, and without a
        reservation that it doesn't need any more. Its reservation never grows here: no quota is asked."""
        return drop_reservation(touch(change.upload, self.clock(), self.limits))

    def _grown(self, change: Change) -> Upload:
        """Return the changed upload as it is to be recorded: with the time of the change and a new expiry, and, while
        its length is deferred, with a reservation that holds its bytes (`domain.usage.reserve`)."""
        upload = self._moved(change)
        return reserve(upload, self.thresholds.reservation, length_limit(upload, self.limits))

    async def _commit(self, change: Change, events: Sequence[Event], saving: Awaitable[Upload]) -> Upload:
        """Await `saving`, tell the observers of the saved upload and `events`, and return the upload. Raises what
        `saving` raises; if that is Superseded, first records trouble if the storage may hold something that no record
        names (`Change.troubled`)."""
        try:
            return self._notify(events, await saving)
        except Superseded:
            if change.troubled:
                await self.remember_trouble(change.upload.id)
            raise

    def _events(self, change: Change, upload: Upload) -> Sequence[Event]:
        event = change.event(upload, self.caller)
        return () if event is None else (event,)

    def _notify(self, events: Sequence[Event], recorded: Upload) -> Upload:
        """Pass the upload as recorded, and its events, to the observers; return the upload."""
        self.observer.saved(recorded)
        for event in events:
            self.observer.notify(replace(event, upload=recorded))
        return recorded

    async def remember_trouble(self, upload_id: UploadId) -> None:
        """Record the upload's trouble: the storage may have, now or soon, objects that its record doesn't name. If all
        attempts, over some seconds, fail, the next lock holder or sweep records the trouble."""
        self.unrecorded.add(upload_id)
        await retry(partial(self._record_trouble, upload_id), _TROUBLE_PAUSES, Superseded, StateUnavailable)

    async def _record_trouble(self, upload_id: UploadId) -> None:
        """Record the upload's trouble in the stored record, which another process may have changed; do nothing if the
        upload is gone or has no record. Raises Superseded, StateUnavailable."""
        upload = await self.state.load(upload_id)
        if upload is not None and upload.phase is not Phase.GONE:
            await self.note(note_trouble(upload, self.clock()))
        self.unrecorded.discard(upload_id)

    @asynccontextmanager
    async def cleaning_if_superseded(self, upload: Upload) -> AsyncIterator[None]:
        """If the context raises Superseded, and the upload has finished, ended or lost its record, remove from the
        storage what its record doesn't name, as this writer may have stored bytes after it had lost the lock.
        Superseded is raised again, also if the storage or the state fails in all attempts."""
        try:
            yield
        except Superseded:
            await retry(partial(self._clean_unless_unfinished, upload), _LATE_PAUSES, Unavailable)
            raise

    async def _clean_unless_unfinished(self, upload: Upload) -> None:
        """Remove from the storage what the upload's record doesn't name, if the upload is done; everything, if the
        upload has ended or has no record. Do nothing if it is unfinished, as another process may write to it. Raises
        Unavailable."""
        current = await self.state.load(upload.id)
        if current is None or current.phase not in UNFINISHED:
            await self.storage.clean(current or assume_gone(upload))
