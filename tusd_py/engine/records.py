"""The only writer of records: a change counts once its record is saved, with its event, and observers are told then.

Each save is a compare-and-set on the upload's revision. What a writer stored and couldn't record is remembered as
trouble; what one that lost its turn stored for an upload that ended meanwhile is removed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial

from tusd_py.domain.caller import Caller
from tusd_py.domain.errors import StateUnavailable, Superseded, Unavailable
from tusd_py.domain.events import Event
from tusd_py.domain.lifecycle import Change, forget
from tusd_py.domain.limits import Limits
from tusd_py.domain.rules import touch
from tusd_py.domain.upload import UNFINISHED, Entry, Phase, Upload, UploadId
from tusd_py.engine.retry import persist
from tusd_py.ports.observer import Observer
from tusd_py.ports.state import StateStore
from tusd_py.ports.storage import Storage

_TROUBLE_PAUSES = (0.0, 0.5, 2.0, 5.0)
"""Seconds before each attempt to record a trouble. The lock holder keeps the lock until then, so that no other ends the
upload unknowing; what hasn't come about after all of them isn't expected to."""
_LATE_PAUSES = (0.0, 2.0, 10.0, 40.0)
"""Seconds before each look of a writer that lost its turn: where state or storage is away, nobody else will do it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """Uploads in the state store."""

    state: StateStore
    storage: Storage
    limits: Limits
    observer: Observer
    caller: Caller
    """Whose request asks for the changes."""
    clock: Callable[[], float]
    unrecorded: set[UploadId] = field(default_factory=set)
    """Uploads whose trouble the state has not been told of, as it was away."""

    async def create(self, change: Change, entries: Sequence[Entry] = ()) -> Upload:
        """The new upload as recorded. Raises ValueError if there is one with its id, StateFull, StateUnavailable."""
        events = self._events(change, change.upload)
        return self._told(events, await self.state.create(change.upload, entries, events))

    async def save(self, change: Change, added: Sequence[Entry] = ()) -> Upload:
        """The upload as recorded, changed now: that moves its expiry. Raises Superseded, StateUnavailable."""
        moved = touch(change.upload, self.clock(), self.limits)
        events = self._events(change, moved)
        try:
            return self._told(events, await self.state.save(moved, added, events))
        except Superseded:
            if change.troubled:
                await self.remember_trouble(moved.id)
            raise

    async def rewind(self, change: Change, entries: Sequence[Entry]) -> Upload:
        """The same, with these entries alone. Raises Superseded, StateUnavailable."""
        moved = touch(change.upload, self.clock(), self.limits)
        events = self._events(change, moved)
        return self._told(events, await self.state.rewind(moved, entries, events))

    async def note(self, upload: Upload) -> Upload:
        """Save what doesn't keep the upload from expiring. Raises Superseded, StateUnavailable."""
        return await self.state.save(upload)

    async def delete(self, upload: Upload) -> None:
        """Forget the upload: it has ended. Raises Superseded, StateUnavailable."""
        await self.state.delete(upload)

    def _events(self, change: Change, upload: Upload) -> Sequence[Event]:
        event = change.event(upload, self.caller)
        return () if event is None else (event,)

    def _told(self, events: Sequence[Event], recorded: Upload) -> Upload:
        """The upload, once observers have been told of it as recorded."""
        for event in events:
            self.observer.notify(replace(event, upload=recorded))
        return recorded

    async def remember_trouble(self, upload_id: UploadId) -> None:
        """Record that the storage may hold, now or soon, what the upload doesn't name. Where the state stays away, the
        next holder of the upload does so, or a sweep."""
        self.unrecorded.add(upload_id)
        await persist(partial(self._record_trouble, upload_id), _TROUBLE_PAUSES, Superseded, StateUnavailable)

    async def _record_trouble(self, upload_id: UploadId) -> None:
        """On the record as it is now: another may have moved the upload on, to its end even."""
        upload = await self.state.load(upload_id)
        if upload is not None and upload.phase is not Phase.GONE:
            await self.note(replace(upload, troubled_at=self.clock()))
        self.unrecorded.discard(upload_id)

    @asynccontextmanager
    async def outlived(self, upload: Upload) -> AsyncIterator[None]:
        """A writer that lost its turn to the upload's end may have stored something after it: that goes, too."""
        try:
            yield
        except Superseded:
            await persist(partial(self._clean_if_ended, upload), _LATE_PAUSES, Unavailable)
            raise

    async def _clean_if_ended(self, upload: Upload) -> None:
        """Nobody writes to it any more, so that whatever its record doesn't name is ours."""
        now = await self.state.load(upload.id)
        if now is None or now.phase not in UNFINISHED:
            await self.storage.clean(now or forget(upload))
