"""The delivery of events from an outbox in memory to one sink that a test scripts, in simulated time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.support.deliveries import upload
from tusd_py.backends.memory.outbox import MemoryOutbox
from tusd_py.domain.events import Event, EventType
from tusd_py.domain.record_json import encode
from tusd_py.events_out.courier import Courier
from tusd_py.events_out.deliverer import Deliverer
from tusd_py.events_out.lane import Lane
from tusd_py.events_out.schedule import Schedule
from tusd_py.ports.meter import Meter
from tusd_py.ports.observer import Observer
from tusd_py.ports.outbox import Delivery, Subscription
from tusd_py.ports.sink import DeliveryFailed

SINK = "sink"
STANDARD = (0.0, 5.0, 300.0, 1_800.0, 7_200.0, 18_000.0, 36_000.0, 50_400.0, 72_000.0, 86_400.0)


class Calls(Meter, Observer):
    """A meter and observer that keeps the hook and outcome of each call of `hook_called`, and the message of each
    trouble."""

    def __init__(self) -> None:
        self.hooks, self.troubles = list[tuple[str, str]](), list[str]()

    def hook_called(self, hook: str, seconds: float, outcome: str) -> None:  # noqa: ARG002  the port's signature
        self.hooks.append((hook, outcome))

    def trouble(self, message: str, **fields: object) -> None:  # noqa: ARG002  the port's signature
        self.troubles.append(message)


@dataclass
class Sender:
    """A sink that raises the error that `answer` returns, if any, and keeps its attempts and the events that
    arrived."""

    answer: Callable[[Delivery], Any] = lambda _: None
    attempts: list[tuple[float, str]] = field(default_factory=list)
    """The event loop's time and the event's id of each attempt."""
    arrived: list[str] = field(default_factory=list)
    at_a_time: int = 0
    most_at_a_time: int = 0
    seconds: float = 0.0
    """Duration of an attempt."""

    async def publish(self, delivery: Delivery) -> None:
        self.attempts.append((asyncio.get_running_loop().time(), delivery.event_id))
        self.at_a_time += 1
        self.most_at_a_time = max(self.at_a_time, self.most_at_a_time)
        try:
            await asyncio.sleep(self.seconds)
            if (error := self.answer(delivery)) is not None:
                raise error
            self.arrived.append(delivery.event_id)
        finally:
            self.at_a_time -= 1

    async def aclose(self) -> None:
        """Do nothing: a `Sender` opens nothing."""


@dataclass
class Node:
    """A node that delivers the events in `outbox` to one sink, `sender`: `deliverer` returns its deliverer. Nodes with
    the same outbox share the deliveries."""

    outbox: MemoryOutbox
    sender: Sender
    calls: Calls = field(default_factory=Calls)
    pauses: Sequence[float] = STANDARD
    concurrency: int = 4
    strict: bool = False

    def deliverer(self, drain_seconds: float = 25.0) -> Deliverer:
        clock = asyncio.get_running_loop().time
        courier = Courier(
            sink=self.sender,
            outbox=self.outbox,
            schedule=Schedule(pauses=self.pauses, lease=60.0),
            clock=clock,
            observer=self.calls,
            meter=self.calls,
        )
        lane = Lane(name=SINK, courier=courier, concurrency=self.concurrency, strict=self.strict)
        return Deliverer([lane], drain_seconds)


async def outbox() -> MemoryOutbox:
    events = MemoryOutbox()
    await events.register([Subscription(name=SINK, format="tusd", types=frozenset(EventType))])
    return events


def store(into: MemoryOutbox, number: int, *types: EventType) -> None:
    """Store an event of each type for upload `number`, at the event loop's time."""
    recorded = upload(number, updated_at=asyncio.get_running_loop().time())
    into.store([Event(type=type_, upload=recorded) for type_ in types], recorded, encode(recorded))


def failing(message: str = "HTTP 500", **how: Any) -> Callable[[Delivery], DeliveryFailed]:
    return lambda _: DeliveryFailed(message, **how)
