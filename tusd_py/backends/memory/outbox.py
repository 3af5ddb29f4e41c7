"""An outbox that ends with its process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import count

from tusd_py.domain.event_json import EventRow, event_row
from tusd_py.domain.events import Event, EventType
from tusd_py.domain.upload import Upload, UploadId
from tusd_py.ports.outbox import Delivery, Sink


class MemoryOutbox:
    """An `Outbox` in memory."""

    def __init__(self) -> None:
        self._sinks: Mapping[str, Sink] = {}
        self._ids = set[str]()
        self._numbers = count(1)
        self._pending: dict[tuple[str, int], Delivery] = {}

    async def register(self, sinks: Sequence[Sink]) -> None:
        self._sinks = {sink.name: sink for sink in sinks}

    async def sinks(self) -> Sequence[Sink]:
        return [self._sinks[name] for name in sorted(self._sinks)]

    async def due(self, sink: str, now: float, limit: int) -> Sequence[Delivery]:
        firsts = dict[UploadId, Delivery]()
        for delivery in self._pending.values():
            if delivery.sink == sink:
                firsts.setdefault(delivery.upload_id, delivery)
        due = [delivery for delivery in firsts.values() if delivery.due_at <= now]
        return sorted(due, key=lambda delivery: (delivery.due_at, delivery.seq))[:limit]

    async def take(self, delivery: Delivery, until: float) -> Delivery | None:
        if not self._is_as_read(delivery):
            return None
        leased = self._pending[_key(delivery)] = replace(delivery, due_at=until)
        return leased

    async def mark_delivered(self, delivery: Delivery) -> None:
        self._pending.pop(_key(delivery), None)

    async def mark_failed(self, delivery: Delivery, error: str, due_at: float | None) -> None:
        if not self._is_as_read(delivery):
            return
        if due_at is None:
            del self._pending[_key(delivery)]
        else:
            attempts = delivery.attempts + 1
            self._pending[_key(delivery)] = replace(delivery, attempts=attempts, error=error, due_at=due_at)

    def store(self, events: Sequence[Event], recorded: Upload, document: str) -> None:
        """Store the events, of the upload as recorded in `document`, for the sinks that receive them."""
        for event in events:
            names = [sink.name for sink in self._sinks.values() if event.type in sink.types]
            if names:
                self._enqueue(event_row(event, recorded, document), names)

    def _enqueue(self, row: EventRow, names: Sequence[str]) -> None:
        ids = [event_id for event_id in (row.id, row.spare_id) if event_id is not None and event_id not in self._ids]
        if not ids:
            return
        self._ids.add(ids[0])
        seq = next(self._numbers)
        for name in names:
            self._pending[name, seq] = Delivery(
                sink=name,
                seq=seq,
                event_id=ids[0],
                upload_id=UploadId(row.upload_id),
                type=EventType(row.type),
                at=row.at,
                document=row.document,
                attempts=0,
                due_at=row.at,
            )

    def _is_as_read(self, delivery: Delivery) -> bool:
        stored = self._pending.get(_key(delivery))
        return stored is not None and stored.due_at == delivery.due_at


def _key(delivery: Delivery) -> tuple[str, int]:
    return delivery.sink, delivery.seq
