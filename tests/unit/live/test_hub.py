"""The hub: records are read after changes, once for all listeners, and no listener misses the end."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

import pytest

from tests.support.events import ALL
from tests.support.jobs import ended, job
from tests.support.uploads import upload
from tusd_py.backends.memory.state import MemoryState
from tusd_py.domain.errors import StateUnavailable
from tusd_py.domain.events import Event, EventType
from tusd_py.domain.live_refusals import ListenersFull, TooManyListeners
from tusd_py.domain.phase import Phase
from tusd_py.domain.snapshot import Snapshot
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.live import hub as hub_module
from tusd_py.live.bus.memory import MemoryBus
from tusd_py.live.hub import Hub
from tusd_py.live.listeners import Caps, Count
from tusd_py.live.reader import SnapshotReader
from tusd_py.ports.outbox import FEED, Subscription
from tusd_py.protocol.live_events import LiveEvent, Teller

ID = upload().id
MANY = Caps(process=100, upload=100, client=100)


class Script:
    """A stand-in for the state and the bus (by which processes tell each other of changes) of a `Hub`, which tells
    listeners of changes. It holds the snapshot of one upload, which tests change, the number of its reads, and the
    announcements of tests and of the hub. While it is `away`, a read raises StateUnavailable."""

    def __init__(self) -> None:
        self.snapshot: Snapshot | None = Snapshot(upload=upload(revision=1), seq=1)
        self.reads = 0
        self.away = False
        self.deaf = asyncio.Event()
        self.published = list[UploadId]()
        self.notify: Callable[[UploadId | None], None] = lambda _: None

    async def read(self, upload_id: UploadId) -> Snapshot | None:
        assert upload_id == ID
        self.reads += 1
        await asyncio.sleep(0)
        if self.away:
            raise StateUnavailable("away")
        return self.snapshot

    def grow(self) -> Upload:
        assert self.snapshot is not None
        old = self.snapshot.upload
        self.snapshot = replace(self.snapshot, upload=replace(old, offset=old.offset + 1, revision=old.revision + 1))
        return self.snapshot.upload

    def publish(self, upload_id: UploadId) -> None:
        self.published.append(upload_id)

    @asynccontextmanager
    async def listening(self, notify: Callable[[UploadId | None], None]) -> AsyncIterator[None]:
        self.notify = notify
        self.deaf.clear()
        yield
        self.deaf.set()


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "_TICK", 0.02)


@asynccontextmanager
async def running(script: Script, caps: Caps = MANY) -> AsyncIterator[Hub]:
    hub = Hub(script.read, script, Count(caps))
    async with hub.running():
        yield hub


def connected() -> bool:
    return True


async def test_a_change_wakes_all_listeners_after_one_look(script: Script) -> None:
    async with running(script) as hub, AsyncExitStack() as stack:
        pairs = [await stack.enter_async_context(hub.listening(ID, "c", connected)) for _ in range(3)]
        for _, listener in pairs:
            await listener.wait(0)
        reads = script.reads
        for _ in range(5):
            hub.saved(script.grow())
        for topic, listener in pairs:
            assert await listener.wait(30)
            assert topic.latest is not None
            assert topic.latest.upload.offset == 5
            assert not await listener.wait(0)
        assert script.reads - reads <= 2


async def test_uploads_without_listeners_are_not_read(script: Script) -> None:
    async with running(script) as hub:
        hub.saved(script.grow())
        await asyncio.sleep(0.05)
    assert script.reads == 0


async def test_changes_elsewhere_are_read(script: Script) -> None:
    async with running(script) as hub, hub.listening(ID, "c", connected) as (topic, listener):
        for announced in (ID, None):
            await listener.wait(0)
            changed = script.grow()
            script.notify(announced)
            await listener.wait(30)
            assert topic.latest is not None
            assert topic.latest.upload == changed


@pytest.mark.parametrize("export", [False, True])
async def test_the_end_of_a_job_wakes_listeners_everywhere(script: Script, export: bool) -> None:  # noqa: FBT001  a case
    over = ended(job(2, upload_id=None) if export else job(), 7.0)
    async with (
        running(script) as hub,
        hub.listening(ID, "c", connected) as (_, listener),
        hub.following("c", connected) as follower,
    ):
        await listener.wait(0)
        script.grow()
        hub.ended(over)
        assert await follower.wait(0)
        assert script.published == [over.id if export else ID]
        assert await listener.wait(0.0 if export else 30.0) is not export


async def test_a_lost_announcement_heals(script: Script) -> None:
    async with running(script) as hub, hub.listening(ID, "c", connected) as (topic, listener):
        await listener.wait(0)
        changed = script.grow()
        await listener.wait(30)
        assert topic.latest is not None
        assert topic.latest.upload == changed


async def test_a_state_that_was_away_is_read_again(script: Script) -> None:
    async with running(script) as hub, hub.listening(ID, "c", connected) as (topic, listener):
        await listener.wait(0)
        script.away = True
        changed = script.grow()
        hub.saved(changed)
        await asyncio.sleep(0.1)
        script.away = False
        await listener.wait(30)
        assert topic.latest is not None
        assert topic.latest.upload == changed


async def test_an_older_record_replaces_no_newer_one(script: Script) -> None:
    older = script.snapshot
    async with running(script) as hub:
        script.grow()
        async with hub.listening(ID, "c", connected) as (topic, listener):
            await listener.wait(0)
            topic.offer(older)
            assert not await listener.wait(0)
            assert topic.latest == script.snapshot


async def test_an_upload_whose_event_is_not_kept_ends_all_the_same(script: Script) -> None:
    async with running(script) as hub, hub.listening(ID, "c", connected) as (topic, listener):
        await listener.wait(0)
        script.snapshot = None
        script.notify(ID)
        await listener.wait(30)
        assert topic.latest is not None
        assert (topic.latest.end, topic.latest.settled) == ("terminated", True)


async def test_a_listener_whose_client_is_gone_is_woken(script: Script) -> None:
    async with running(script) as hub, hub.listening(ID, "c", lambda: False) as (_, listener):
        await listener.wait(0)
        assert await listener.wait(30)
        assert not listener.connected


async def test_all_listeners_are_woken_at_the_end(script: Script) -> None:
    async with (
        running(script) as hub,
        hub.listening(ID, "c", connected) as (_, listener),
        hub.following("c", connected) as follower,
    ):
        await listener.wait(0)
        hub.close()
        assert await listener.wait(0)
        assert await follower.wait(0)
        assert hub.closed


async def test_other_processes_are_heard_only_while_somebody_listens(script: Script) -> None:
    async with running(script) as hub, asyncio.timeout(30):
        for _ in range(2):
            async with hub.listening(ID, "c", connected):
                assert not script.deaf.is_set()
            await script.deaf.wait()


@pytest.mark.parametrize(
    ("caps", "refusal"),
    [
        (replace(MANY, process=1), ListenersFull),
        (replace(MANY, client=1), TooManyListeners),
        (replace(MANY, upload=1), TooManyListeners),
    ],
)
async def test_listeners_are_limited(script: Script, caps: Caps, refusal: type[Exception]) -> None:
    async with running(script, caps) as hub:
        for _ in range(2):
            async with hub.listening(ID, "c", connected):
                with pytest.raises(refusal):
                    async with hub.listening(ID, "c", connected):
                        pass


# With a real state


async def new_upload(state: MemoryState) -> Upload:
    assert state.outbox is not None
    feed = Subscription(name=FEED, format=FEED, types=ALL.types)
    await state.outbox.register([feed])
    return await state.create(upload(length=1000))


async def grow(state: MemoryState, hub: Hub, record: Upload, dice: random.Random, reason: EventType) -> None:
    """Save random progress of the upload, then its end, with an event of type `reason`; announce each save to the
    hub."""
    while record.offset < 50:
        record = await state.save(replace(record, offset=record.offset + dice.randint(0, 5)))
        hub.saved(record)
        await asyncio.sleep(dice.choice([0, 0, 0.001, 0.003]))
    phase = Phase.DONE if reason is EventType.FINISHED else Phase.TERMINATING
    ended = replace(record, phase=phase)
    hub.saved(await state.save(ended, events=[Event(type=reason, upload=ended)]))


async def listen(state: MemoryState, hub: Hub, dice: random.Random) -> list[LiveEvent]:
    """Return all events that one listener gets until the end, though it disconnects at random and connects again."""
    history = list[LiveEvent]()
    while True:
        async with hub.listening(ID, "c", connected) as (topic, listener):
            teller = Teller("http://x/", resumed=bool(history))
            for look in range(dice.randint(1, 8)):
                assert topic.latest is not None
                events = teller.tell(topic.latest, len(history) + look)
                durable = await state.load(ID)
                assert durable is not None
                assert all(event.data["offset"] <= durable.offset for event in events)
                history += events
                if teller.ended:
                    return history
                await listener.wait(30)
        await asyncio.sleep(dice.choice([0, 0.001, 0.005]))


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("reason", [EventType.FINISHED, EventType.TERMINATED])
async def test_every_listener_gets_the_end(seed: int, reason: EventType) -> None:
    """A listener that disconnects at random and connects again gets the upload's `end` event, once, as its last one."""
    dice, state = random.Random(seed), MemoryState()
    record = await new_upload(state)
    hub = Hub(SnapshotReader(state=state).read, MemoryBus(), Count(MANY))
    async with hub.running(), asyncio.timeout(60):
        listeners = [listen(state, hub, random.Random(100 * seed + number)) for number in range(8)]
        *histories, _ = await asyncio.gather(*listeners, grow(state, hub, record, dice, reason))
    for events in histories:
        assert events is not None
        offsets = [event.data["offset"] for event in events]
        assert offsets == sorted(offsets)
        assert events[-1].data["reason"] == reason
        assert [event.type for event in events].count("end") == 1
