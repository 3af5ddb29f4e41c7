"""The events of one upload that one listener is sent: which, when, and in what order. Reads no clock; does no I/O."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tusd_py.domain.job import Job
from tusd_py.domain.snapshot import Snapshot
from tusd_py.domain.upload import LARGEST_CLAIM
from tusd_py.protocol.job_object import job_object
from tusd_py.protocol.upload_object import upload_object

_INTERVAL = 1.0
"""The least seconds between two `progress` events, or between two `job` events about one job."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveEvent:
    """An event about an upload, for a listener."""

    type: str
    """`state`, `progress`, `job` or `end`."""
    id: str
    data: Mapping[str, Any]


class Teller:
    """The choice of the events for one listener of one upload. It remembers what the listener knows: it tells no older
    revision, and a smaller offset only by a `state` event, once bytes were lost and the upload was rolled back."""

    def __init__(
        self,
        endpoint: str,
        *,
        received: Callable[[], int] = lambda: 0,
        describe: Callable[[Snapshot, str, float], Mapping[str, Any]] | None = None,
        resumed: bool = False,
        tells_renewals: bool = False,
    ) -> None:
        """`endpoint` is the creation endpoint's URL; `received` returns the offset up to which bytes have come, even if
        they aren't recorded yet; `describe` returns the data of a `state` event, and is `state_object` by default.

        `resumed` is True for a client that has listened before: of an upload that is gone, it is told the end without
        the state. With `tells_renewals`, the state is told again also when a client prolongs its pause of the upload.
        """
        self._endpoint, self._received, self._describe = endpoint, received, describe or state_object
        self._resumed, self._tells_renewals = resumed, tells_renewals
        self._revision = 0
        self._face: object = None
        """The phase, metadata, pause, verdict and end of the upload at the last `state` event: a change of one of them
        leads to another such event. None before the first, empty after `repeat`."""
        self._offset = -1
        """The offset that the listener knows."""
        self._progress_at = -math.inf
        """The time, in seconds since the epoch, from which the next `progress` event may be sent."""
        self._revisions = dict[str, int]()
        """The revision of each job, by its id, that the listener knows."""
        self._jobs_at = dict[str, float]()
        self.ended = False
        """True once the end has been told."""

    def tell(self, snapshot: Snapshot, now: float) -> Sequence[LiveEvent]:
        """Return the events to send at `now`, in seconds since the epoch: none after the end, or for a snapshot that is
        older than the last one."""
        if self.ended or snapshot.upload.revision < self._revision:
            return ()
        self._revision = snapshot.upload.revision
        events = [*self._state(snapshot, now), *self._progress(snapshot, now), *self._job_events(snapshot, now)]
        if snapshot.settled and not any(map(self._is_news, snapshot.jobs)):
            self.ended = True
            events.append(_end(snapshot))
        return events

    def repeat(self) -> None:
        """Have the next `tell` return a `state` event, even if nothing in the upload's state has changed."""
        if self._face is not None:
            self._face = ()

    def due_at(self, snapshot: Snapshot, now: float) -> float:
        """Return the time, in seconds since the epoch, from which `tell`, already called for this snapshot, will return
        another event for it; infinite if there is none to come."""
        times = [_next(self._jobs_at.get(job.id, now), now) for job in snapshot.jobs if self._is_news(job)]
        if self._has_grown(snapshot):
            times.append(_next(self._progress_at, now))
        if snapshot.upload.paused(now) and snapshot.upload.paused_until is not None:
            times.append(snapshot.upload.paused_until)
        return min(times, default=math.inf)

    def _state(self, snapshot: Snapshot, now: float) -> Iterator[LiveEvent]:
        upload, first = snapshot.upload, self._face is None
        pause = upload.paused(now) and (upload.paused_until if self._tells_renewals else True)
        face = (upload.phase, upload.metadata, pause, upload.scan, snapshot.end)
        is_news = face != self._face or upload.offset < self._offset
        if not is_news or (first and snapshot.is_gone and self._resumed):
            return
        self._face, self._offset = face, upload.offset
        if first:
            self._revisions = {job.id: job.revision for job in snapshot.jobs}
        yield LiveEvent(type="state", id=str(upload.revision), data=self._describe(snapshot, self._endpoint, now))

    def _progress(self, snapshot: Snapshot, now: float) -> Iterator[LiveEvent]:
        if self._has_grown(snapshot) and now >= _next(self._progress_at, now):
            upload = snapshot.upload
            self._offset, self._progress_at = upload.offset, now + _INTERVAL
            received = max(min(self._received(), upload.length or LARGEST_CLAIM), upload.offset)
            data = {"offset": upload.offset, "length": upload.length, "received": received}
            yield LiveEvent(type="progress", id=str(upload.revision), data=data)

    def _has_grown(self, snapshot: Snapshot) -> bool:
        return not snapshot.is_gone and snapshot.upload.offset > self._offset

    def _job_events(self, snapshot: Snapshot, now: float) -> Iterator[LiveEvent]:
        for job in snapshot.jobs:
            if self._is_news(job) and now >= _next(self._jobs_at.get(job.id, now), now):
                self._revisions[job.id], self._jobs_at[job.id] = job.revision, now + _INTERVAL
                id_ = f"{snapshot.upload.revision}.{job.id}.{job.revision}"
                yield LiveEvent(type="job", id=id_, data=job_object(job))

    def _is_news(self, job: Job) -> bool:
        return job.revision > self._revisions.get(job.id, 0)


def state_object(snapshot: Snapshot, endpoint: str, now: float) -> Mapping[str, Any]:
    """Return the data of a `state` event: the members of the upload's JSON object (`upload_object`), and `jobs`, a list
    of the JSON objects of its jobs (`job_object`). `endpoint` is the creation endpoint's URL; `now` is in seconds since
    the epoch."""
    upload = upload_object(snapshot.upload, snapshot.seq, endpoint, now, snapshot.end)
    return {**upload, "jobs": [job_object(job) for job in snapshot.jobs]}


def _next(at: float, now: float) -> float:
    """Return `at`, the earliest time of the next event; `now` if the clock has been set back since `at` was set."""
    return at if at <= now + _INTERVAL else now


def _end(snapshot: Snapshot) -> LiveEvent:
    upload = snapshot.upload
    data = {
        "reason": snapshot.end,
        "offset": upload.offset,
        "length": upload.length,
        "revision": upload.revision,
    }
    return LiveEvent(type="end", id=f"{upload.revision}.end", data=data)
