"""An outbox in memory: it is lost when the process ends."""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from operator import attrgetter

from tusd_py.backends.pages import read_page
from tusd_py.domain.event_json import EventRow, event_row, job_row
from tusd_py.domain.events import Event, EventType
from tusd_py.domain.job import Job
from tusd_py.domain.thresholds import DEFAULT
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.ports.outbox import FEED, Backlog, Delivery, DeliveryState, Selection, StoredEvent, Subscription

_Key = tuple[int, str]
"""The number of an event and the name of a sink."""


class MemoryOutbox:
    """An `Outbox` in memory."""

    def __init__(self) -> None:
        self._subscriptions: Mapping[str, Subscription] = {}
        self._last = 0
        """The last number taken, by an event or by the creation of an upload without an event; 0 before the first."""
        self._events = dict[int, StoredEvent]()
        """The stored events by number, in order."""
        self._numbers = dict[str, int]()
        """The numbers of stored events, by id."""
        self._deliveries = dict[_Key, Delivery]()
        self._queues = dict[tuple[str, UploadId], list[int]]()
        """The numbers of pending deliveries by sink and upload, in order."""
        self._wakes = list[Callable[[], None]]()

    async def register(self, subscriptions: Sequence[Subscription]) -> None:
        self._subscriptions = {subscription.name: subscription for subscription in subscriptions}

    async def subscriptions(self) -> Sequence[Subscription]:
        return [self._subscriptions[name] for name in sorted(self._subscriptions)]

    def watch(self, wake: Callable[[], None]) -> None:
        self._wakes.append(wake)

    async def due(self, sink: str, now: float, limit: int, *, strict: bool = False) -> Sequence[Delivery]:
        blocked = self._first_dead(sink) if strict else {}
        firsts = [self._deliveries[seqs[0], name] for (name, _), seqs in self._queues.items() if name == sink]
        due = [
            delivery
            for delivery in firsts
            if delivery.due_at <= now and delivery.seq <= blocked.get(delivery.upload_id, delivery.seq)
        ]
        return sorted(due, key=lambda delivery: (delivery.due_at, delivery.seq))[:limit]

    async def take(self, delivery: Delivery, until: float) -> Delivery | None:
        if not self._is_as_read(delivery):
            return None
        leased = self._deliveries[_key(delivery)] = replace(delivery, due_at=until)
        return leased

    async def mark_delivered(self, delivery: Delivery) -> None:
        stored = self._deliveries.get(_key(delivery))
        if stored is not None and stored.state is DeliveryState.PENDING:
            self._put(replace(stored, state=DeliveryState.DELIVERED, error=None))

    async def mark_failed(self, delivery: Delivery, error: str, due_at: float | None) -> None:
        if not self._is_as_read(delivery):
            return
        failed = replace(delivery, attempts=delivery.attempts + 1, error=error)
        if due_at is None:
            self._put(replace(failed, state=DeliveryState.DEAD))
        else:
            self._put(replace(failed, due_at=due_at))
            self._reschedule(delivery, partial(max, due_at))

    async def list(
        self, selection: Selection, after: Delivery | None, limit: int, size: int = DEFAULT.page_size
    ) -> Sequence[Delivery]:
        start = (0, "") if after is None else _key(after)
        keys = sorted(
            key for key, delivery in self._deliveries.items() if key > start and _is_selected(delivery, selection)
        )
        return read_page((self._deliveries[key] for key in keys[:limit]), size, attrgetter("document"))

    async def deliveries(self, event_id: str) -> Sequence[Delivery]:
        return sorted((delivery for delivery in self._deliveries.values() if delivery.event_id == event_id), key=_key)

    async def events(self, since: int, limit: int, size: int = DEFAULT.page_size) -> Sequence[StoredEvent]:
        following = [event for seq, event in self._events.items() if seq > since]
        return read_page(following[:limit], size, attrgetter("document"))

    async def event(self, event_id: str) -> StoredEvent | None:
        return self._events.get(self._numbers.get(event_id, 0))

    async def last_seq(self) -> int:
        return self._last

    async def restart(self, deliveries: Sequence[Delivery], now: float) -> int:
        return sum(self._restart(delivery, now) for delivery in deliveries)

    async def drop(self, deliveries: Sequence[Delivery], now: float) -> int:
        return sum(self._drop(delivery, now) for delivery in deliveries)

    async def backlogs(self) -> Sequence[Backlog]:
        lacking = [delivery for delivery in self._deliveries.values() if delivery.state is not DeliveryState.DELIVERED]
        names = {*_recipients(self._subscriptions.values()), *(delivery.sink for delivery in lacking)}
        return [_backlog(name, [delivery for delivery in lacking if delivery.sink == name]) for name in sorted(names)]

    async def prune(self, before: float, limit: int) -> int:
        needed = {
            seq for (seq, _), delivery in self._deliveries.items() if delivery.state is not DeliveryState.DELIVERED
        }
        old = [event for event in self._events.values() if event.at < before and event.seq not in needed]
        old = sorted(old, key=lambda event: event.at)[:limit]
        for event in old:
            del self._events[event.seq], self._numbers[event.id]
        self._deliveries = {key: delivery for key, delivery in self._deliveries.items() if delivery.seq in self._events}
        return len(old)

    def store(self, events: Sequence[Event], recorded: Upload, document: str) -> int:
        """Store the events of the upload `recorded`, whose JSON is `document`: each for the subscriptions to its type,
        unless there are none or the event is stored already. Each event takes a number, stored or not; without events
        one number is taken. Return the last number."""
        for event in events:
            self._store(event.type, partial(event_row, event, recorded, document))
        if events:
            self._wake()
        else:
            self._last += 1
        return self._last

    def store_end(self, job: Job) -> None:
        """Store the event of a job's end for the subscriptions to its type, if there are any. The event takes a
        number in any case.
        """
        self._store(EventType.JOB, partial(job_row, job))
        self._wake()

    def _store(self, type_: EventType, make_row: Callable[[], EventRow]) -> None:
        self._last += 1
        subscriptions = [wish for wish in self._subscriptions.values() if type_ in wish.types]
        if subscriptions:
            self._enqueue(self._last, make_row(), _recipients(subscriptions))

    def _wake(self) -> None:
        for wake in self._wakes:
            wake()

    def _enqueue(self, seq: int, row: EventRow, sinks: Sequence[str]) -> None:
        ids = [event_id for event_id in (row.id, row.spare_id) if event_id is not None]
        event_id = next((event_id for event_id in ids if event_id not in self._numbers), None)
        if event_id is None:
            return
        event = StoredEvent(
            seq=seq,
            id=event_id,
            upload_id=UploadId(row.upload_id),
            type=EventType(row.type),
            at=row.at,
            document=row.document,
        )
        self._events[seq], self._numbers[event_id] = event, seq
        for sink in sinks:
            self._put(_first_delivery(event, sink))

    def _restart(self, delivery: Delivery, now: float) -> bool:
        stored = self._deliveries.get(_key(delivery))
        if stored is None or stored.state is not delivery.state:
            return False
        self._put(replace(stored, state=DeliveryState.PENDING, attempts=0, error=None, due_at=now))
        self._reschedule(stored, partial(min, now))
        return True

    def _drop(self, delivery: Delivery, now: float) -> bool:
        stored = self._deliveries.pop(_key(delivery), None)
        if stored is None:
            return False
        self._dequeue(stored)
        self._reschedule(stored, partial(min, now))
        return True

    def _put(self, delivery: Delivery) -> None:
        self._deliveries[_key(delivery)] = delivery
        self._dequeue(delivery)
        if delivery.state is DeliveryState.PENDING:
            insort(self._queues.setdefault((delivery.sink, delivery.upload_id), []), delivery.seq)

    def _dequeue(self, delivery: Delivery) -> None:
        queue = self._queues.pop((delivery.sink, delivery.upload_id), [])
        if other_seqs := [seq for seq in queue if seq != delivery.seq]:
            self._queues[delivery.sink, delivery.upload_id] = other_seqs

    def _reschedule(self, delivery: Delivery, choose: Callable[[float], float]) -> None:
        """Set the due time of each later pending delivery of the same sink and upload to the result of `choose`
        for its present due time.
        """
        for seq in self._queues.get((delivery.sink, delivery.upload_id), ()):
            if seq > delivery.seq:
                behind = self._deliveries[seq, delivery.sink]
                self._deliveries[seq, delivery.sink] = replace(behind, due_at=choose(behind.due_at))

    def _first_dead(self, sink: str) -> Mapping[UploadId, int]:
        firsts = dict[UploadId, int]()
        for delivery in self._deliveries.values():
            if delivery.sink == sink and delivery.state is DeliveryState.DEAD:
                firsts.setdefault(delivery.upload_id, delivery.seq)
        return firsts

    def _is_as_read(self, delivery: Delivery) -> bool:
        stored = self._deliveries.get(_key(delivery))
        return stored is not None and (stored.state, stored.due_at) == (DeliveryState.PENDING, delivery.due_at)


def _recipients(subscriptions: Iterable[Subscription]) -> Sequence[str]:
    """Return the names of the subscriptions to which events are delivered: of all but those of the format `FEED`, for
    which events are only kept."""
    return [subscription.name for subscription in subscriptions if subscription.format != FEED]


def _first_delivery(event: StoredEvent, sink: str) -> Delivery:
    return Delivery(
        sink=sink,
        seq=event.seq,
        event_id=event.id,
        upload_id=event.upload_id,
        type=event.type,
        at=event.at,
        document=event.document,
        attempts=0,
        due_at=event.at,
    )


def _key(delivery: Delivery) -> _Key:
    return delivery.seq, delivery.sink


def _is_selected(delivery: Delivery, selection: Selection) -> bool:
    is_for_sink = selection.sink in {None, delivery.sink}
    return is_for_sink and delivery.state in selection.states and delivery.at >= selection.since


def _backlog(sink: str, lacking: Sequence[Delivery]) -> Backlog:
    """Return the backlog of a sink whose pending and dead deliveries are `lacking`, in order of their numbers."""
    pending = [delivery.at for delivery in lacking if delivery.state is DeliveryState.PENDING]
    return Backlog(
        sink=sink, pending=len(pending), dead=len(lacking) - len(pending), oldest=pending[0] if pending else None
    )
