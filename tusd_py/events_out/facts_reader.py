"""The reading of stored events: from the outbox to the facts that formats turn into messages."""

from __future__ import annotations

from dataclasses import dataclass

from tusd_py.domain.event_json import decode_event, decode_job_event
from tusd_py.events_out.formats.facts import Facts, JobFacts
from tusd_py.ports.outbox import Delivery, StoredEvent
from tusd_py.ports.storage import Storage


@dataclass(frozen=True, slots=True, kw_only=True)
class FactsReader:
    """A reader of events from the outbox: it returns the facts that formats make messages of. The places of
    objects come from `storage`, without I/O.
    """

    storage: Storage
    endpoint: str
    """The URL of the creation endpoint, for events whose request gives none."""
    fixed_endpoint: bool = False
    """True if `endpoint` counts for all events, even if their requests give another URL."""

    def read(self, delivery: Delivery) -> Facts:
        """Return the facts of the delivery's event, with the place of its upload's object and the creation endpoint's
        URL.
        """
        return self._facts(delivery, delivery.event_id)

    def read_stored(self, stored: StoredEvent) -> Facts:
        """Return the facts of an upload's stored event, with the place of the upload's object and the creation
        endpoint's URL.
        """
        return self._facts(stored, stored.id)

    def read_job(self, stored: StoredEvent) -> JobFacts:
        """Return the facts of a stored event of a job."""
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
        """Return the URL of the creation endpoint for an event: `requested`, the one that its request gives, unless
        that is empty or `fixed_endpoint` is True; else `endpoint`.
        """
        return ("" if self.fixed_endpoint else requested) or self.endpoint
