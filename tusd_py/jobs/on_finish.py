"""The jobs that finished uploads get by the setting `jobs-on-finish`. An upload's event in the outbox begins them, so
that none is lost; the event of the upload's end cancels the upload's jobs."""

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
"""The name of the sink that begins jobs (`JobSink`) and of its subscription, and the format of its events."""
_ENDS = frozenset({EventType.TERMINATED, EventType.EXPIRED, EventType.LOST})
_UNZIP = "unzip"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOnFinish:
    """A job that finished uploads get by the setting `jobs-on-finish`, except partial uploads, exports and, for
    `unzip`, uploads that an `unzip` made: its kind, and its arguments, as `Kind.check` returns them."""

    kind: str
    args: Mapping[str, Any]

    def id_for(self, upload_id: str) -> JobId:
        """Return the id of this job for the upload: always the same, so that an event that is delivered again makes no
        second job."""
        text = f"{upload_id} {self.kind} {sorted(self.args.items())}"
        return JobId(hashlib.blake2b(text.encode(), digest_size=16).hexdigest())


def subscription(*, on_finish: bool) -> Subscription:
    """Return the subscription of the sink that begins and cancels jobs: to the events of uploads that end (terminated,
    expired or lost) and, with `on_finish`, of those that finish."""
    return Subscription(name=NAME, format=NAME, types=_ENDS | ({EventType.FINISHED} if on_finish else set()))


class JobSink:
    """A `Sink` of uploads' events that begins jobs for finished uploads and cancels those of ended uploads."""

    def __init__(self, service: JobService, jobs: Sequence[JobOnFinish], endpoint: str) -> None:
        """`endpoint` is the creation endpoint's URL, which a job gets if the event's caller names none
        (`Caller.endpoint`)."""
        self._service, self._jobs, self._endpoint = service, jobs, endpoint

    async def publish(self, delivery: Delivery) -> None:
        """Begin the jobs of a finished upload, with the exceptions that `JobOnFinish` names, or cancel the jobs of an
        ended upload. Jobs of the kind `scan` aren't cancelled if the upload ended for malicious content: one of them
        has found that, and is about to end.

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
        """Begin the job that `order` describes on the event's upload: none on an export, and no `unzip` on an upload
        that an `unzip` made, as an archive may contain itself. Raises BadJob for a kind that the settings lack,
        StateUnavailable; for a scan also Locked, Superseded."""
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
