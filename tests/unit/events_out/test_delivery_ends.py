"""The end of deliveries: because the receiver wants no more, at a shutdown, by the death of a node, and through
errors."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from tests.simulation.loop import SimulatedLoop
from tests.unit.events_out.delivering import Node, Sender, failing, outbox, store
from tusd_py.domain.errors import StateUnavailable
from tusd_py.domain.events import EventType
from tusd_py.ports.outbox import Delivery, DeliveryState, Selection

CREATED, FINISHED = EventType.CREATED, EventType.FINISHED


def run(program: Callable[[], Awaitable[None]]) -> None:
    with SimulatedLoop() as loop:
        loop.run_until_complete(program())


def test_unsubscribed_receiver_waits_for_next_start() -> None:
    """A receiver that wants no more events, as it says with 410, gets none until the next start of a deliverer; then it
    gets all."""

    async def program() -> None:
        events, sender = await outbox(), Sender(failing("HTTP 410", unsubscribed=True))
        node = Node(events, sender)
        async with node.deliverer().running():
            store(events, 1, CREATED)
            await asyncio.sleep(1.0)
            store(events, 2, CREATED)
            await asyncio.sleep(1000.0)
        [first, _] = await events.list(Selection(), None, 10)
        assert (first.state, first.attempts, first.error) == (DeliveryState.PENDING, 0, None)
        assert len(sender.attempts) == 1
        assert node.calls.troubles == ["sink paused"]
        sender.answer = lambda _: None
        async with node.deliverer().running():
            await asyncio.sleep(1.0)
        assert len(sender.arrived) == 2

    run(program)


def test_shutdown_drains_running_deliveries() -> None:
    """A shutdown starts no more deliveries, and waits for those under way, at most `drain_seconds`."""

    async def program() -> None:
        events, sender = await outbox(), Sender(seconds=5.0)
        deliverer = Node(events, sender).deliverer(drain_seconds=10.0)
        async with deliverer.running():
            store(events, 1, CREATED, FINISHED)
            await asyncio.sleep(1.0)
            deliverer.close()
            store(events, 2, CREATED)
        assert len(sender.arrived) == 1
        assert asyncio.get_running_loop().time() < 8.0
        states = [row.state for row in await events.list(Selection(), None, 10)]
        assert states == [DeliveryState.DELIVERED, DeliveryState.PENDING, DeliveryState.PENDING]

    run(program)


def test_next_start_sends_undrained_deliveries() -> None:
    """A delivery that outlasts the shutdown's time to drain is sent again right after the next start."""

    async def program() -> None:
        events, sender = await outbox(), Sender(seconds=500.0)
        async with Node(events, sender).deliverer(drain_seconds=3.0).running():
            store(events, 1, CREATED)
            await asyncio.sleep(1.0)
        assert sender.arrived == []
        assert asyncio.get_running_loop().time() < 8.0
        again = Sender()
        async with Node(events, again).deliverer().running():
            await asyncio.sleep(1.0)
        assert len(again.arrived) == 1
        [delivery] = await events.list(Selection(), None, 10)
        assert delivery.attempts == 0

    run(program)


def test_what_a_dead_node_had_begun_is_sent_after_its_lease() -> None:
    async def program() -> None:
        events, dead, alive = await outbox(), Sender(seconds=1e6), Sender()
        task = asyncio.create_task(_lane(Node(events, dead)))
        await asyncio.sleep(0.1)
        store(events, 1, CREATED)
        await asyncio.sleep(2.0)
        task.cancel()
        assert len(dead.attempts) == 1
        async with Node(events, alive).deliverer().running():
            await asyncio.sleep(50.0)
            assert alive.arrived == []
            await asyncio.sleep(15.0)
        assert len(alive.arrived) == 1

    async def _lane(node: Node) -> None:
        await node.deliverer()._lanes[0].run()

    run(program)


def test_two_nodes_send_each_event_once_and_in_order() -> None:
    async def program() -> None:
        events, sender = await outbox(), Sender(seconds=0.1)
        async with Node(events, sender).deliverer().running(), Node(events, sender).deliverer().running():
            for number in range(50):
                store(events, number, CREATED, FINISHED)
            await asyncio.sleep(60.0)
        assert len(sender.attempts) == len(set(sender.arrived)) == 100
        for number in range(50):
            mine = [event_id for event_id in sender.arrived if f"{number:032x}" in event_id]
            assert [event_id.rpartition("_")[2] for event_id in mine] == ["created", "finished"]

    run(program)


def test_an_error_that_no_sink_should_raise_is_a_failed_attempt() -> None:
    async def program() -> None:
        events, sender = await outbox(), Sender(lambda _: ValueError("bug"))
        node = Node(events, sender, pauses=(0.0, 5.0))
        async with node.deliverer().running():
            store(events, 1, CREATED)
            store(events, 2, CREATED)
            await asyncio.sleep(2.0)
        assert node.calls.troubles == ["sink failed"] * 2
        assert [row.error for row in await events.list(Selection(), None, 10)] == ["ValueError"] * 2

    run(program)


def test_a_timeout_is_counted_apart() -> None:
    async def program() -> None:
        events, sender = await outbox(), Sender(failing("timeout"))
        node = Node(events, sender, pauses=(0.0,))
        async with node.deliverer().running():
            store(events, 1, FINISHED)
            await asyncio.sleep(1.0)
        assert node.calls.hooks == [("post-finish", "timeout")]

    run(program)


def test_a_state_that_is_away_is_asked_again_and_logged_once(monkeypatch: Any) -> None:
    async def program() -> None:
        events, sender = await outbox(), Sender()
        due, node = events.due, Node(events, sender)

        async def away(*_: object, **__: object) -> list[Delivery]:
            raise StateUnavailable("away")

        async with node.deliverer().running():
            monkeypatch.setattr(events, "due", away)
            store(events, 1, CREATED)
            await asyncio.sleep(100.0)
            assert node.calls.troubles == ["events not read"]
            monkeypatch.setattr(events, "due", due)
            await asyncio.sleep(2.0)
        assert len(sender.arrived) == 1

    run(program)


def test_a_delivery_that_can_not_be_recorded_is_sent_again(monkeypatch: Any) -> None:
    async def program() -> None:
        events, sender = await outbox(), Sender()
        node = Node(events, sender)

        async def away(_: Delivery) -> None:
            raise StateUnavailable("away")

        async with node.deliverer().running():
            with monkeypatch.context() as patch:
                patch.setattr(events, "mark_delivered", away)
                store(events, 1, CREATED)
                await asyncio.sleep(1.0)
            await asyncio.sleep(70.0)
        assert len(sender.arrived) == 2
        assert node.calls.troubles == ["delivery not recorded"]

    run(program)
