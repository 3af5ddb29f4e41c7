"""From a delivery of the outbox to the message that a sink sends."""

from __future__ import annotations

from dataclasses import dataclass

from tusd_py.domain.event_json import decode_event, decode_job_event
from tusd_py.events_out.formats.facts import Facts, JobFacts
from tusd_py.ports.outbox import Delivery, StoredEvent
from tusd_py.ports.storage import Storage


@dataclass(frozen=True, slots=True, kw_only=True)
class FactsReader:
    """A reader of stored events."""

    storage: Storage
    endpoint: str
    """The URL of the creation endpoint, for events without a request that had one."""
    fixed_endpoint: bool = False
    """True if requests don't decide: the URL is set."""

    def read(self, delivery: Delivery) -> Facts:
        """Return the delivery's event, with the place of its upload's object and the creation endpoint's URL."""
        return self._facts(delivery, delivery.event_id)

    def read_stored(self, stored: StoredEvent) -> Facts:
        """Return the facts of an upload's event that is kept."""
        return self._facts(stored, stored.id)

    def read_job(self, stored: StoredEvent) -> JobFacts:
        """Return the facts of a job's event that is kept."""
        job = decode_job_event(stored.document)
        return JobFacts(id=stored.id, seq=stored.seq, at=stored.at, job=job, endpoint=self._endpoint_for(job.endpoint))

    def _facts(self, stored: Delivery | StoredEvent, event_id: str) -> Facts:
        event = decode_event(stored.type, stored.document)
        return Facts(
            id=event_id,
            seq=stored.seq,
            at=stored.at,
            event=event,
            place=self.storage.locate(event.upload),
            endpoint=self._endpoint_for(event.caller.endpoint),
        )

    def _endpoint_for(self, requested: str) -> str:
        """Return the URL of the creation endpoint, given that of the request; empty if there was none."""
        return ("" if self.fixed_endpoint else requested) or self.endpoint
