"""The way from a node to the receiver of events: the real deliverer, over an outbox on the simulated network."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, cast

from tests.simulation.network import Network, at_once
from tests.simulation.receiver import NAME, SINK, Receiver, SimulatedSink, Untold
from tests.simulation.shared import STATE
from tusd_py.domain.events import EventType
from tusd_py.events_out.courier import Courier
from tusd_py.events_out.deliverer import Deliverer
from tusd_py.events_out.lane import Lane
from tusd_py.events_out.schedule import Schedule
from tusd_py.ports.meter import Meter
from tusd_py.ports.outbox import Delivery, DeliveryState, Outbox, Selection, Subscription

if TYPE_CHECKING:
    from tests.simulation.setup import Setup
    from tests.simulation.world import World

LEASE = 3 * SINK.patience
_DRAIN = SINK.patience / 2
"""Seconds for deliveries under way when a node is stopped: less than one may take."""
_DAY = 86_400.0


class SimulatedOutbox:
    """One node's way to the outbox, as far as it delivers."""

    def __init__(self, network: Network, outbox: Outbox, receiver: Receiver, setup: Setup) -> None:
        self._network, self._outbox, self._receiver, self._pauses = network, outbox, receiver, setup.pauses
        self._wakes = list[Callable[[], None]]()

    def watch(self, wake: Callable[[], None]) -> None:
        self._wakes.append(wake)

    def wake(self) -> None:
        """This node has stored events."""
        for wake in self._wakes:
            wake()

    async def due(self, sink: str, now: float, limit: int, *, strict: bool = False) -> Sequence[Delivery]:
        due = self._outbox.due
        return await self._network.ask(STATE, "outbox.due", lambda: at_once(due(sink, now, limit, strict=strict)))

    async def take(self, delivery: Delivery, until: float) -> Delivery | None:
        take = self._outbox.take
        return await self._network.ask(STATE, "outbox.take", lambda: at_once(take(delivery, until)))

    async def mark_delivered(self, delivery: Delivery) -> None:
        mark = self._outbox.mark_delivered
        await self._network.ask(STATE, "outbox.mark_delivered", lambda: at_once(mark(delivery)))

    async def mark_failed(self, delivery: Delivery, error: str, due_at: float | None) -> None:
        if due_at is None:
            self._receiver.give_up(delivery, self._pauses)
        mark = self._outbox.mark_failed
        await self._network.ask(STATE, "outbox.mark_failed", lambda: at_once(mark(delivery, error, due_at)))


class Teller:
    """The deliverer of a node, from its start to its end."""

    def __init__(self, world: World, outbox: SimulatedOutbox) -> None:
        lanes = [_lane(world, outbox)] if world.setup.pauses else []
        self._deliverer, self._stopping = Deliverer(lanes, _DRAIN), asyncio.Event()

    def stop(self) -> None:
        """As on SIGTERM."""
        self._stopping.set()

    async def run(self) -> None:
        async with self._deliverer.running():
            await self._stopping.wait()


def _lane(world: World, outbox: SimulatedOutbox) -> Lane:
    courier = Courier(
        sink=SimulatedSink(world.network, world.receiver),
        outbox=cast(Outbox, outbox),
        schedule=Schedule(pauses=world.setup.pauses, lease=LEASE, dice=random.uniform),
        clock=world.now,
        observer=world.troubles,
        meter=Meter(),
    )
    return Lane(name=NAME, courier=courier, concurrency=world.setup.thresholds.deliveries, strict=world.setup.strict)


def subscribe(world: World) -> None:
    """Store all events for the receiver, if there is one."""
    subscriptions = [Subscription(name=NAME, format="tusd", types=frozenset(EventType))] if world.setup.pauses else []
    at_once(world.records.outbox.register(subscriptions))


def resend(world: World, *states: DeliveryState) -> None:
    """An operator has events in these states sent again."""
    outbox = world.records.outbox
    chosen = at_once(outbox.list(Selection(states=frozenset(states)), None, 1000))
    at_once(outbox.restart(chosen, world.now()))


async def tell_all(world: World) -> None:
    """Wait until the receiver has got everything; an operator has what was given up sent again. Raises Untold."""
    give_up = world.loop.time() + 3 * sum(world.setup.pauses) + _DAY
    while any(backlog.pending or backlog.dead for backlog in at_once(world.records.outbox.backlogs())):
        if world.loop.time() > give_up:
            raise Untold("events stay pending")
        resend(world, DeliveryState.DEAD)
        await asyncio.sleep(10 * LEASE)
