"""The reader of snapshots of uploads, from the state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tusd_py.domain.event_json import decode_event
from tusd_py.domain.events import EventType, event_id
from tusd_py.domain.job import Job
from tusd_py.domain.phase import Phase
from tusd_py.domain.snapshot import FINISHED, Snapshot, end_reason
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.ports.outbox import DeliveryState
from tusd_py.ports.state import StateStore

_ENDS = (EventType.TERMINATED, EventType.EXPIRED, EventType.LOST)
_MOST_JOBS = 100
"""The most jobs in an upload's snapshot, which is read each second while one of them is under way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotReader:
    """A reader of snapshots of uploads, from their records, jobs and kept events."""

    state: StateStore
    has_jobs: bool = False
    """False if by the settings neither clients create jobs nor finished uploads get any; then no jobs are looked
    for."""
    jobs_sink: str | None = None
    """The name of the sink that begins jobs when it gets the event of a finished upload; None if none begin then."""

    async def read(self, upload_id: UploadId) -> Snapshot | None:
        """Return the upload as it is now, or if it is gone, as it was at its end, as long as the event of that is kept;
        None if there is no such upload, or no such event. Raises StateUnavailable."""
        numbered = await self.state.numbered(upload_id)
        if numbered is None or not numbered.upload.alive:
            return await self._end(upload_id)
        upload, seq = numbered.upload, numbered.seq
        if upload.phase is Phase.OPEN:
            return Snapshot(upload=upload, seq=seq)
        awaited = upload.done and await self._awaits_jobs(upload)
        jobs = await self._jobs(upload)
        settled = upload.done and not awaited and all(job.ended for job in jobs)
        return Snapshot(upload=upload, seq=seq, end=FINISHED if upload.done else None, jobs=jobs, settled=settled)

    async def _end(self, upload_id: UploadId) -> Snapshot | None:
        outbox = self.state.outbox
        if outbox is None:
            return None
        for type_ in _ENDS:
            stored = await outbox.event(event_id(upload_id, type_))
            if stored is not None:
                event = decode_event(stored.type, stored.document)
                reason = end_reason(stored.type, event.reason)
                return Snapshot(upload=event.upload, seq=stored.seq, end=reason, settled=True)
        return None

    async def _awaits_jobs(self, upload: Upload) -> bool:
        """Return True if jobs of the finished upload may still begin: the delivery of its event to the sink that begins
        them (`jobs_sink`) is pending. Raises StateUnavailable."""
        outbox = self.state.outbox
        if self.jobs_sink is None or outbox is None:
            return False
        deliveries = await outbox.deliveries(event_id(upload.id, EventType.FINISHED))
        return any(d.sink == self.jobs_sink and d.state is DeliveryState.PENDING for d in deliveries)

    async def _jobs(self, upload: Upload) -> Sequence[Job]:
        """Return up to 100 jobs (`_MOST_JOBS`) of the upload, oldest first, fewer if their JSON is large
        (`JobStore.recent`); empty without `has_jobs`. If not all can be returned, jobs that haven't ended are chosen
        first, then those that ended last. Raises StateUnavailable."""
        return await self.state.jobs.recent(upload.id, _MOST_JOBS) if self.has_jobs else ()
