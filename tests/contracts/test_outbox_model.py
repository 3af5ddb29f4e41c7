"""Any sequence of calls to the outboxes of all states does what a plain model of one does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from devtools.redis import RedisServer
from tests.support.events import ALL, ENDS, KEPT, event
from tests.support.fixtures_redis import emptied
from tests.support.jobs import ended, job
from tests.support.uploads import changed, upload
from tusd_py.backends.memory.state import MemoryState
from tusd_py.backends.redis.state import RedisState
from tusd_py.backends.sqlite.state import SqliteState
from tusd_py.domain.events import EventType
from tusd_py.domain.job import ENDED, Job, JobPhase
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.ports.outbox import Backlog, Delivery, DeliveryState, Outbox, Selection, Subscription
from tusd_py.ports.state import StateStore

T = TypeVar("T")
TIMES = st.integers(0, 30).map(float)
SINKS = (ALL.name, ENDS.name)
PENDING, DEAD, DELIVERED = DeliveryState
_ENDED_REVISION = 2


@dataclass
class Model:
    """A plain model of an outbox; its deliveries have empty documents."""

    subscriptions: Sequence[Subscription] = ()
    rows: list[Delivery] = field(default_factory=list)
    """The deliveries in their present state, ordered by the event's number, then by sink."""
    events: dict[str, tuple[int, float]] = field(default_factory=dict)
    """The number and the time of each stored event, by the event's id."""
    count: int = 0
    """The number of the last event, stored or not."""

    def store(self, type_: EventType, of: UploadId, at: float, *ids: str) -> None:
        """Number an event. If a subscription has its type, store it under the first of `ids` that is free, with a
        delivery for each sink that receives the type; with no id free it isn't stored."""
        self.count += 1
        wishes = [subscription for subscription in self.subscriptions if type_ in subscription.types]
        names = sorted(subscription.name for subscription in wishes if subscription is not KEPT)
        free = [event_id for event_id in ids if event_id not in self.events]
        if wishes and free:
            self.events[free[0]] = self.count, at
            plain = Delivery(
                sink="", seq=self.count, event_id=free[0], upload_id=of, type=type_, at=at, document="", attempts=0,
                due_at=at,
            )  # fmt: skip
            self.rows += [replace(plain, sink=name) for name in names]

    def find_row(self, of: Delivery) -> Delivery | None:
        return next((row for row in self.rows if (row.seq, row.sink) == (of.seq, of.sink)), None)

    def as_read(self, of: Delivery) -> bool:
        row = self.find_row(of)
        return row is not None and row.state is PENDING and row.due_at == of.due_at

    def change(self, of: Delivery, **changes: Any) -> None:
        self.rows = [replace(row, **changes) if row == self.find_row(of) else row for row in self.rows]

    def move(self, of: Delivery, to: Callable[[float], float]) -> None:
        """Change the due time of each pending delivery after `of` that is of the same upload and to the same sink; `to`
        gives the new time for the old one."""
        for row in self.rows:
            if (row.sink, row.upload_id, row.state) == (of.sink, of.upload_id, PENDING) and row.seq > of.seq:
                self.change(row, due_at=to(row.due_at))

    def due(self, sink: str, now: float, *, strict: bool) -> list[Delivery]:
        holding = {PENDING, DEAD} if strict else {PENDING}
        firsts = dict[UploadId, Delivery]()
        for row in self.rows:
            if row.sink == sink and row.state in holding:
                firsts.setdefault(row.upload_id, row)
        return [row for row in firsts.values() if row.state is PENDING and row.due_at <= now]

    def backlogs(self) -> list[Backlog]:
        lacking = [row for row in self.rows if row.state is not DELIVERED]
        names = {subscription.name for subscription in self.subscriptions if subscription is not KEPT} | {
            row.sink for row in lacking
        }
        return [self._backlog(name, [row for row in lacking if row.sink == name]) for name in sorted(names)]

    def _backlog(self, sink: str, lacking: Sequence[Delivery]) -> Backlog:
        times = [row.at for row in lacking if row.state is PENDING]
        oldest = times[0] if times else None
        return Backlog(sink=sink, pending=len(times), dead=len(lacking) - len(times), oldest=oldest)

    def prune(self, before: float) -> int:
        lacking = {row.event_id for row in self.rows if row.state is not DELIVERED}
        old = {event_id for event_id, (_, at) in self.events.items() if at < before} - lacking
        self.events = {event_id: event for event_id, event in self.events.items() if event_id not in old}
        self.rows = [row for row in self.rows if row.event_id not in old]
        return len(old)


class Outboxes(RuleBasedStateMachine):
    """A state machine that makes the same calls to the outboxes of memory, SQLite and Redis and to the model, and
    compares them. Calls take any delivery read so far, however long ago."""

    def __init__(self, redis: RedisServer) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = TemporaryDirectory()
        self.states: tuple[StateStore, ...] = (
            MemoryState(),
            SqliteState(Path(self.folder.name) / "state.db"),
            RedisState(emptied(redis)),
        )
        self.model = Model()
        self.uploads = dict[int, Upload]()
        self.read = list[Delivery]()
        self.register(2)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def call_each(self, call: Callable[[Outbox], Awaitable[T]]) -> list[T]:
        async def all_of_them() -> list[T]:
            return [await call(state.outbox) for state in self.states if state.outbox is not None]

        return self.run(all_of_them())

    def agreed(self, call: Callable[[Outbox], Awaitable[T]]) -> T:
        first, *further = self.call_each(call)
        assert further == [first] * len(further)
        return first

    @rule(sinks=st.integers(0, 5))
    def register(self, sinks: int) -> None:
        self.model.subscriptions = ([], [ALL], [ALL, ENDS], [ENDS], [KEPT], [ENDS, KEPT])[sinks]
        self.call_each(lambda outbox: outbox.register(self.model.subscriptions))

    @rule(
        number=st.integers(0, 2),
        kind=st.sampled_from([EventType.CREATED, EventType.ROLLED_BACK, EventType.TERMINATED, EventType.TERMINATED]),
        at=TIMES,
    )
    def store(self, number: int, kind: EventType, at: float) -> None:
        planned = changed(self.uploads.get(number, upload(number)), updated_at=at)
        occurrence = event(planned, kind)

        async def stored(state: StateStore) -> Upload:
            return await (state.save if number in self.uploads else state.create)(planned, events=[occurrence])

        for state in self.states:
            self.uploads[number + 10] = self.run(stored(state))
        self.uploads[number] = self.uploads.pop(number + 10)
        saved = self.uploads[number]
        spare = [f"{occurrence.id}_{saved.revision}"] if kind is EventType.ROLLED_BACK else []
        self.model.store(kind, saved.id, at, occurrence.id, *spare)

    @rule(number=st.integers(0, 5), phase=st.sampled_from(sorted(ENDED)), at=TIMES)
    def end_job(self, number: int, phase: JobPhase, at: float) -> None:
        """Save job `number`, created if it isn't stored, as ended; one that has ended is saved once more, which stores
        no event."""
        planned = job(number, upload_id=upload(number % 3).id)

        async def save(state: StateStore) -> Job:
            stored = await state.jobs.create(planned)
            return await state.jobs.save(stored if stored.ended else ended(stored, at, phase))

        saved, *further = [self.run(save(state)) for state in self.states]
        assert further == [saved] * len(further)
        if saved.revision == _ENDED_REVISION:
            self.model.store(EventType.JOB, upload(number % 3).id, at, f"evt_{saved.id}_{phase}")

    def chosen(self, index: int) -> Delivery:
        return self.read[index % len(self.read)]

    @rule(index=st.integers(0), until=TIMES)
    def take(self, index: int, until: float) -> None:
        if self.read:
            one = self.chosen(index)
            leased = self.agreed(lambda outbox: outbox.take(one, until))
            assert (leased is not None) == self.model.as_read(one)
            if leased is not None:
                self.model.change(one, due_at=until)

    @rule(index=st.integers(0))
    def deliver(self, index: int) -> None:
        if self.read:
            one = self.chosen(index)
            self.call_each(lambda outbox: outbox.mark_delivered(one))
            if (row := self.model.find_row(one)) and row.state is PENDING:
                self.model.change(one, state=DELIVERED, error=None)

    @rule(index=st.integers(0), again=st.none() | TIMES)
    def fail(self, index: int, again: float | None) -> None:
        if self.read:
            one = self.chosen(index)
            self.call_each(lambda outbox: outbox.mark_failed(one, "HTTP 500", again))
            if self.model.as_read(one):
                self.model.change(one, attempts=one.attempts + 1, error="HTTP 500")
                if again is None:
                    self.model.change(one, state=DEAD)
                else:
                    self.model.change(one, due_at=again)
                    self.model.move(one, lambda due: max(due, again))

    @rule(indices=st.lists(st.integers(0), max_size=3), now=TIMES)
    def restart(self, indices: list[int], now: float) -> None:
        several = [self.chosen(index) for index in indices if self.read]
        count = self.agreed(lambda outbox: outbox.restart(several, now))
        for one in several:
            if (row := self.model.find_row(one)) and row.state is one.state:
                self.model.change(one, state=PENDING, attempts=0, error=None, due_at=now)
                self.model.move(one, lambda due: min(due, now))
                count -= 1
        assert count == 0

    @rule(indices=st.lists(st.integers(0), max_size=2), now=TIMES)
    def drop(self, indices: list[int], now: float) -> None:
        several = [self.chosen(index) for index in indices if self.read]
        count = self.agreed(lambda outbox: outbox.drop(several, now))
        for one in several:
            if row := self.model.find_row(one):
                self.model.rows.remove(row)
                self.model.move(one, lambda due: min(due, now))
                count -= 1
        assert count == 0

    @rule(before=TIMES)
    def prune(self, before: float) -> None:
        assert self.agreed(lambda outbox: outbox.prune(before, 100)) == self.model.prune(before)

    @rule(sink=st.sampled_from(SINKS), now=TIMES, strict=st.booleans())
    def look(self, sink: str, now: float, *, strict: bool) -> None:
        expected = sorted(self.model.due(sink, now, strict=strict), key=_by_time)
        for deliveries in self.call_each(lambda outbox: outbox.due(sink, now, 100, strict=strict)):
            assert [delivery.due_at for delivery in deliveries] == [delivery.due_at for delivery in expected]
            assert sorted(map(_plain, deliveries), key=_by_time) == expected

    @rule(
        states=st.sets(st.sampled_from(DeliveryState), min_size=1), sink=st.none() | st.sampled_from(SINKS), since=TIMES
    )
    def select(self, states: set[DeliveryState], sink: str | None, since: float) -> None:
        selection = Selection(states=frozenset(states), sink=sink, since=since)
        rows = [row for row in self.model.rows if row.state in states and row.at >= since and sink in {None, row.sink}]
        after = None
        for start in range(0, len(rows) + 1, 2):
            page = list(self.agreed(lambda outbox, after=after: outbox.list(selection, after, 2)))  # type: ignore[misc]
            assert list(map(_plain, page)) == rows[start : start + 2]
            after = page[-1] if page else None

    @invariant()
    def they_hold_the_same(self) -> None:
        every = self.agreed(lambda outbox: outbox.list(Selection(), None, 1000))
        assert list(map(_plain, every)) == self.model.rows
        self.read += [delivery for delivery in every if delivery not in self.read]
        assert list(self.agreed(lambda outbox: outbox.backlogs())) == self.model.backlogs()
        self.they_keep_the_same_events()
        for event_id in self.model.events:
            deliveries = self.agreed(lambda outbox, event_id=event_id: outbox.deliveries(event_id))  # type: ignore[misc]
            assert list(map(_plain, deliveries)) == [row for row in self.model.rows if row.event_id == event_id]

    def they_keep_the_same_events(self) -> None:
        assert self.agreed(lambda outbox: outbox.last_seq()) == self.model.count
        expected = sorted((seq, event_id, at) for event_id, (seq, at) in self.model.events.items())
        for stored_events in self.call_each(lambda outbox: outbox.events(0, 1000)):
            assert [(stored_event.seq, stored_event.id, stored_event.at) for stored_event in stored_events] == expected
        for seq, event_id, _ in expected[-1:]:
            for stored in self.call_each(lambda outbox, event_id=event_id: outbox.event(event_id)):  # type: ignore[misc]
                assert stored is not None
                assert stored.seq == seq

    def teardown(self) -> None:
        for state in self.states:
            self.run(state.aclose())
        self.loop.close()
        self.folder.cleanup()


def _plain(delivery: Delivery) -> Delivery:
    return replace(delivery, document="")


def _by_time(delivery: Delivery) -> tuple[float, int]:
    return delivery.due_at, delivery.seq


def test_any_sequence_of_calls_does_what_a_plain_model_does(redis_running: RedisServer) -> None:
    """Any sequence of calls gives the same with the outboxes of all three states as with the plain model. Failures
    aren't shrunk, since each step waits for three stores."""
    steps = settings(max_examples=25, stateful_step_count=30, deadline=None, phases=[Phase.generate])
    run_state_machine_as_test(lambda: Outboxes(redis_running), settings=steps)  # type: ignore[arg-type]
