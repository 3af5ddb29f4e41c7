"""The delivery of events from a node to the receiver and the server's own sinks: by the real deliverer, over an outbox
on the simulated network."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, cast

from tests.simulation.network import Network, at_once
from tests.simulation.receiver import NAME, SINK, Receiver, SimulatedSink, Untold
from tests.simulation.shared import STATE
from tusd_py.domain.events import EventType
from tusd_py.domain.thresholds import DEFAULT
from tusd_py.events_out.courier import Courier
from tusd_py.events_out.deliverer import Deliverer
from tusd_py.events_out.lane import Lane
from tusd_py.events_out.schedule import Schedule
from tusd_py.jobs import on_finish
from tusd_py.ports.meter import Meter
from tusd_py.ports.outbox import FEED, Delivery, DeliveryState, Outbox, Selection, StoredEvent, Subscription
from tusd_py.ports.sink import Sink

if TYPE_CHECKING:
    from tests.simulation.setup import Setup
    from tests.simulation.world import World

LEASE = 3 * SINK.patience
_DRAIN = SINK.patience / 2
"""Seconds for deliveries under way when a node is stopped: less than one may take."""
_DAY = 86_400.0
_STEADY = (0.0, *[5.0] * 60)
"""The seconds before each attempt at an event for a sink of the server's own, if the setup has no pauses: longer
together than any fault."""


class SimulatedOutbox:
    """The outbox as one node reaches it, over the simulated network, with the methods that the delivery of events,
    listeners and jobs use."""

    def __init__(self, network: Network, outbox: Outbox, receiver: Receiver, setup: Setup) -> None:
        self._network, self._outbox, self._receiver, self._pauses = network, outbox, receiver, setup.pauses
        self._wakes = list[Callable[[], None]]()

    def watch(self, wake: Callable[[], None]) -> None:
        self._wakes.append(wake)

    def wake(self) -> None:
        """Have this node's loops of delivery (`Lane`), one for each sink, look for due events: the node stored some."""
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
        if due_at is None and delivery.sink == NAME:
            self._receiver.give_up(delivery, self._pauses)
        mark = self._outbox.mark_failed
        await self._network.ask(STATE, "outbox.mark_failed", lambda: at_once(mark(delivery, error, due_at)))

    async def deliveries(self, event_id: str) -> Sequence[Delivery]:
        deliveries = self._outbox.deliveries
        return await self._network.ask(STATE, "outbox.deliveries", lambda: at_once(deliveries(event_id)))

    async def events(self, since: int, limit: int, size: int = DEFAULT.page_size) -> Sequence[StoredEvent]:
        return await self._network.ask(STATE, "outbox.events", lambda: at_once(self._outbox.events(since, limit, size)))

    async def event(self, event_id: str) -> StoredEvent | None:
        return await self._network.ask(STATE, "outbox.event", lambda: at_once(self._outbox.event(event_id)))

    async def last_seq(self) -> int:
        return await self._network.ask(STATE, "outbox.last_seq", lambda: at_once(self._outbox.last_seq()))


class Teller:
    """The real deliverer of one node, from the node's start to its end."""

    def __init__(self, world: World, outbox: SimulatedOutbox, more_sinks: Mapping[str, Sink]) -> None:
        """Make a loop of delivery (`Lane`) for each of `more_sinks`, the sinks of the server's own by their names, and
        one for the receiver if the setup has pauses."""
        lanes = [_lane(world, outbox, name, sink) for name, sink in more_sinks.items()]
        if world.setup.pauses:
            lanes.append(_lane(world, outbox, NAME, SimulatedSink(world.network, world.receiver)))
        self.wake = outbox.wake
        self._deliverer, self._stopping = Deliverer(lanes, _DRAIN), asyncio.Event()

    def stop(self) -> None:
        """End `run`, as SIGTERM does."""
        self._stopping.set()

    async def run(self) -> None:
        async with self._deliverer.running():
            await self._stopping.wait()


def _lane(world: World, outbox: SimulatedOutbox, name: str, sink: Sink) -> Lane:
    courier = Courier(
        sink=sink,
        outbox=cast(Outbox, outbox),
        schedule=Schedule(pauses=world.setup.pauses or _STEADY, lease=LEASE, dice=random.uniform),
        clock=world.now,
        observer=world.troubles,
        meter=Meter(),
    )
    return Lane(name=name, courier=courier, concurrency=world.setup.thresholds.deliveries, strict=world.setup.strict)


def subscribe(world: World) -> None:
    """Register the subscriptions of the receiver, the feed and the jobs' sink, so far as the setup has them."""
    setup, every = world.setup, frozenset(EventType)
    subscriptions = [Subscription(name=NAME, format="tusd", types=every)] if setup.pauses else []
    if setup.bus is not None:
        subscriptions.append(Subscription(name=FEED, format=FEED, types=every))
    if setup.jobs:
        subscriptions.append(on_finish.subscription(on_finish=bool(setup.on_finish)))
    at_once(world.records.outbox.register(subscriptions))


def resend(world: World, *states: DeliveryState) -> None:
    """Restart the deliveries in these states (1000 at most) as an operator does: their events are sent again."""
    outbox = world.records.outbox
    chosen = at_once(outbox.list(Selection(states=frozenset(states)), None, 1000))
    at_once(outbox.restart(chosen, world.now()))


async def tell_all(world: World) -> None:
    """Wait until no delivery is pending or dead; meanwhile, restart dead ones as an operator does. Raises Untold if
    that takes longer than a day and three times the setup's pauses."""
    give_up = world.loop.time() + 3 * sum(world.setup.pauses) + _DAY
    while any(backlog.pending or backlog.dead for backlog in at_once(world.records.outbox.backlogs())):
        if world.loop.time() > give_up:
            raise Untold("events stay pending")
        resend(world, DeliveryState.DEAD)
        await asyncio.sleep(10 * LEASE)
