"""The jobs that each finished upload gets. The upload's event in the outbox begins them, so that none is lost; the
event of the upload's end cancels its jobs."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tusd_py.domain.event_json import decode_event
from tusd_py.domain.events import Event, EventType, Reason
from tusd_py.domain.job import EXPORT, Job, JobId
from tusd_py.domain.upload import Kind
from tusd_py.jobs.making import maker
from tusd_py.jobs.service import JobService
from tusd_py.ports.outbox import Delivery, Subscription

NAME = "jobs"
"""The name of the jobs' sink and of its subscription, and the format of its events."""
_ENDS = frozenset({EventType.TERMINATED, EventType.EXPIRED, EventType.LOST})
_UNZIP = "unzip"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOnFinish:
    """A job that finished uploads get, except partial ones and exports: its kind, and its arguments, as
    `Kind.check` returns them.
    """

    kind: str
    args: Mapping[str, Any]

    def id_for(self, upload_id: str) -> JobId:
        """Return the id of this job for the upload: always the same, so that an event that is delivered again makes no
        second job."""
        text = f"{upload_id} {self.kind} {sorted(self.args.items())}"
        return JobId(hashlib.blake2b(text.encode(), digest_size=16).hexdigest())


def subscription(*, on_finish: bool) -> Subscription:
    """Return the subscription of the jobs' sink: to the ends of uploads and, with `on_finish`, to their finish."""
    return Subscription(name=NAME, format=NAME, types=_ENDS | ({EventType.FINISHED} if on_finish else set()))


class JobSink:
    """A `Sink` of uploads' events that begins jobs for finished uploads and cancels those of ended uploads."""

    def __init__(self, service: JobService, jobs: Sequence[JobOnFinish], endpoint: str) -> None:
        """`endpoint` is the URL of the creation endpoint, for events without one."""
        self._service, self._jobs, self._endpoint = service, jobs, endpoint

    async def publish(self, delivery: Delivery) -> None:
        """Begin the jobs of a finished upload that isn't partial, or cancel those of an ended upload. The job `scan`
        isn't cancelled if the upload ended for malicious content: the job itself ended it.

        Raises StateUnavailable; BadJob for a kind that the settings lack; and, for scans, Locked, Superseded.
        """
        event = decode_event(delivery.type, delivery.document)
        if event.type in _ENDS:
            spared = {"scan"} if event.reason is Reason.INFECTED else set[str]()  # it found that, and is about to end
            await self._service.cancel_all(event.upload.id, spared)
        elif event.upload.kind is not Kind.PARTIAL:
            for order in self._jobs:
                await self._begin(event, order)

    async def aclose(self) -> None:
        """Do nothing: there is no connection."""

    async def _begin(self, event: Event, order: JobOnFinish) -> None:
        """Begin a job for the event's upload, but none for one that an `export` made, and no `unzip` for one that an
        `unzip` made: an archive may contain itself."""
        made_by = maker(event)
        if made_by == EXPORT or made_by == order.kind == _UNZIP:
            return
        now, upload = self._service.engine.clock(), event.upload
        job = Job(
            id=order.id_for(upload.id),
            upload_id=upload.id,
            kind=order.kind,
            args=order.args,
            owner=upload.owner,
            tenant=upload.tenant,
            endpoint=event.caller.endpoint or self._endpoint,
            required=True,
            allowance=upload.allowance,
            created_at=now,
            updated_at=now,
            due_at=now,
        )
        await self._service.submit(job)
