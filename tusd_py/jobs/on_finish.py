"""The jobs of each finished upload: they begin with its event, so that none is lost, and end with the upload."""

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
"""The name of the sink, and the format of its events."""
_ENDS = frozenset({EventType.TERMINATED, EventType.EXPIRED, EventType.LOST})
_UNZIP = "unzip"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOnFinish:
    """A job that each finished upload gets."""

    kind: str
    args: Mapping[str, Any]

    def id_for(self, upload_id: str) -> JobId:
        """Return the job's id, the same however often the finish is told."""
        text = f"{upload_id} {self.kind} {sorted(self.args.items())}"
        return JobId(hashlib.blake2b(text.encode(), digest_size=16).hexdigest())


def subscription(*, on_finish: bool) -> Subscription:
    """Return the sink's wish for events."""
    return Subscription(name=NAME, format=NAME, types=_ENDS | ({EventType.FINISHED} if on_finish else set()))


class JobSink:
    """A `Sink` that begins and cancels jobs."""

    def __init__(self, service: JobService, jobs: Sequence[JobOnFinish], endpoint: str) -> None:
        """`endpoint` is the creation endpoint's URL for events whose client's isn't known."""
        self._service, self._jobs, self._endpoint = service, jobs, endpoint

    async def publish(self, delivery: Delivery) -> None:
        """Begin the jobs of a finished upload, or cancel those of an ended one. Raises StateUnavailable."""
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
        """Begin a job; what was unzipped isn't unzipped again, as an archive may hold itself."""
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
            created_at=now,
            updated_at=now,
            due_at=now,
        )
        await self._service.submit(job)
