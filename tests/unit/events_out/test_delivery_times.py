"""When events are sent, and how often: in simulated time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import accumulate, pairwise

import pytest

from tests.simulation.loop import SimulatedLoop
from tests.unit.events_out.delivering import STANDARD, Node, Sender, failing, outbox, store
from tusd_py.backends.memory.outbox import MemoryOutbox
from tusd_py.domain.events import EventType
from tusd_py.events_out import lane
from tusd_py.ports.outbox import DeliveryState, Selection

HOUR = 3600.0
CREATED, FINISHED, TERMINATED = EventType.CREATED, EventType.FINISHED, EventType.TERMINATED


def run(program: Callable[[], Awaitable[None]]) -> None:
    with SimulatedLoop() as loop:
        loop.run_until_complete(program())


def times(sender: Sender) -> list[float]:
    return [at for at, _ in sender.attempts]


async def states(events: MemoryOutbox) -> list[DeliveryState]:
    return [row.state for row in await events.list(Selection(), None, 100)]


def test_a_new_event_is_sent_at_once() -> None:
    async def program() -> None:
        events, sender = await outbox(), Sender()
        async with Node(events, sender).deliverer().running():
            await asyncio.sleep(1000.123)
            store(events, 1, CREATED)
            await asyncio.sleep(0.5)
        assert times(sender) == pytest.approx([1000.123])

    run(program)


def test_what_another_process_stored_is_sent_within_two_seconds() -> None:
    async def program() -> None:
        events, sender = await outbox(), Sender()
        async with Node(events, sender).deliverer().running():
            await asyncio.sleep(0.3)
            events._wakes.clear()
            store(events, 1, CREATED)
            await asyncio.sleep(2.0)
        assert len(sender.attempts) == 1

    run(program)


@pytest.fixture
def seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the loop of each sink (`Lane`) look for other processes' events only every ten minutes, so that simulated
    hours run faster."""
    monkeypatch.setattr(lane, "_POLL_SECONDS", 600.0)


@pytest.mark.usefixtures("seldom")
def test_event_is_dead_after_75_hours() -> None:
    async def program() -> None:
        events, sender = await outbox(), Sender(failing())
        node = Node(events, sender)
        async with node.deliverer().running():
            store(events, 1, CREATED)
            await asyncio.sleep(100 * HOUR)
        pauses = [later - earlier for earlier, later in pairwise(times(sender))]
        assert len(pauses) == len(STANDARD) - 1
        for pause, expected in zip(pauses, STANDARD[1:], strict=True):
            assert 0.8 * expected <= pause <= 1.2 * expected + 1.0
        assert 0.8 * 75 <= times(sender)[-1] / HOUR <= 1.2 * 76
        assert await states(events) == [DeliveryState.DEAD]
        assert node.calls.troubles == ["event not delivered"]
        assert node.calls.hooks == [("post-create", "failed")] * 10

    run(program)


@pytest.mark.usefixtures("seldom")
def test_returning_receiver_gets_events_in_order() -> None:
    """A receiver that is back after hours gets every event, those of one upload in order."""

    async def program() -> None:
        events, sender = await outbox(), Sender(failing())
        async with Node(events, sender).deliverer().running():
            for number in range(20):
                store(events, number, CREATED, FINISHED)
            await asyncio.sleep(5 * HOUR)
            sender.answer = lambda _: None
            await asyncio.sleep(30 * HOUR)
        kinds = [event_id.split("_")[1:] for event_id in sender.arrived]
        for number in range(20):
            assert [kind for name, kind in kinds if name == f"{number:032x}"] == ["created", "finished"]

    run(program)


@pytest.mark.parametrize("pause", [0.05, 0.5, 1.7])
def test_short_pauses_are_kept(pause: float) -> None:
    async def program() -> None:
        events, sender = await outbox(), Sender(failing())
        async with Node(events, sender, pauses=(0.0, pause, pause)).deliverer().running():
            store(events, 1, CREATED)
            await asyncio.sleep(10.0)
        bounds = [(0.8 * total, 1.2 * total + 1e-3) for total in accumulate([0.0, pause, pause])]
        for at, (low, high) in zip(times(sender), bounds, strict=True):
            assert low <= at <= high

    run(program)


def test_a_first_pause_comes_before_the_first_attempt() -> None:
    async def program() -> None:
        events, sender = await outbox(), Sender()
        async with Node(events, sender, pauses=(10.0,)).deliverer().running():
            store(events, 1, CREATED)
            await asyncio.sleep(20.0)
        assert 8.0 <= times(sender)[0] <= 12.1
        assert len(sender.arrived) == 1

    run(program)


def test_a_receiver_may_ask_to_be_left_alone_for_longer() -> None:
    async def program() -> None:
        events, sender = await outbox(), Sender(failing(retry_after=900.0))
        async with Node(events, sender, pauses=(0.0, 5.0)).deliverer().running():
            store(events, 1, CREATED)
            await asyncio.sleep(2000.0)
        assert 900.0 <= times(sender)[1] <= 902.0

    run(program)


def test_failed_event_holds_back_its_upload_only() -> None:
    """A failed event delays the later events of its upload, and no other upload's."""

    async def program() -> None:
        events, sender = await outbox(), Sender()
        sender.answer = lambda delivery: failing()(delivery) if delivery.seq == 1 and delivery.attempts < 2 else None
        async with Node(events, sender, pauses=(0.0, 100.0, 100.0)).deliverer().running():
            store(events, 1, CREATED, FINISHED, TERMINATED)
            store(events, 2, CREATED, FINISHED)
            await asyncio.sleep(10.0)
            assert [event_id[-8:] for event_id in sender.arrived] == ["_created", "finished"]
            await asyncio.sleep(500.0)
        assert [event_id.split("_")[2] for event_id in sender.arrived[2:]] == ["created", "finished", "terminated"]

    run(program)


@pytest.mark.parametrize(("strict", "arrived"), [(False, 1), (True, 0)])
def test_events_after_a_dead_one_go_on_unless_order_is_strict(strict: bool, arrived: int) -> None:  # noqa: FBT001
    async def program() -> None:
        events, sender = await outbox(), Sender()
        sender.answer = lambda delivery: failing()(delivery) if delivery.type is CREATED else None
        async with Node(events, sender, pauses=(0.0,), strict=strict).deliverer().running():
            store(events, 1, CREATED, FINISHED)
            await asyncio.sleep(10.0)
        assert len(sender.arrived) == arrived

    run(program)


def test_only_so_many_are_sent_at_a_time() -> None:
    async def program() -> None:
        events, sender = await outbox(), Sender(seconds=1.0)
        async with Node(events, sender, concurrency=3).deliverer().running():
            for number in range(10):
                store(events, number, CREATED)
            await asyncio.sleep(4.5)
        assert (sender.most_at_a_time, len(sender.arrived)) == (3, 10)

    run(program)
