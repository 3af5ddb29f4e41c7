"""Deliveries as an outbox hands them out."""

from __future__ import annotations

from typing import Any

from tests.support.uploads import upload as open_upload
from tusd_py.domain.caller import Caller
from tusd_py.domain.event_json import event_row
from tusd_py.domain.events import Event, EventType
from tusd_py.domain.phase import Phase
from tusd_py.domain.record_json import encode
from tusd_py.domain.upload import Upload
from tusd_py.events_out.facts_reader import FactsReader
from tusd_py.ports.outbox import Delivery
from tusd_py.storage.memory import MemoryStorage

READER = FactsReader(storage=MemoryStorage(), endpoint="http://127.0.0.1/files/")
NOON = 1_800_000_000.0
CALLER = Caller(
    address="192.0.2.7",
    method="PATCH",
    target="/files/x?token=s3cret&a=1",
    headers={"User-Agent": "test", "X-Forward": "this", "Authorization": "Bearer s3cret"},
    peer="192.0.2.7:1234",
    endpoint="https://up.example.org/files/",
    verbose=True,
)


def upload(number: int = 1, **changes: object) -> Upload:
    """Return a finished upload of 5 bytes, created and finished at the time `NOON` (1.8e9 seconds after the epoch),
    whose id is `number` in hex, with `changes`."""
    done: dict[str, Any] = {"length": 5, "offset": 5, "phase": Phase.DONE, "etag": "abc"}
    return open_upload(number, **{"created_at": NOON, "updated_at": NOON, **done, **changes})


def delivery(
    number: int = 1, kind: EventType = EventType.FINISHED, *, caller: Caller = CALLER, **changes: object
) -> Delivery:
    """Return the delivery, before its first attempt, of an event of this kind about `upload(number, **changes)`;
    `caller` made the event's request, and the event's number is `number`, too."""
    recorded = upload(number, **changes)
    row = event_row(Event(type=kind, upload=recorded, caller=caller), recorded, encode(recorded))
    return Delivery(
        sink="sink",
        seq=number,
        event_id=row.id,
        upload_id=recorded.id,
        type=kind,
        at=row.at,
        document=row.document,
        attempts=0,
        due_at=row.at,
    )
