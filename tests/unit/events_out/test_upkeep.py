"""The measurement of the backlogs in the outbox: its times, which are simulated, and its values."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from tests.simulation.loop import SimulatedLoop
from tests.unit.events_out.delivering import SINK, Calls, outbox, store
from tusd_py.backends.memory.outbox import MemoryOutbox
from tusd_py.domain.events import EventType
from tusd_py.events_out.upkeep import Upkeep
from tusd_py.ports.meter import Meter
from tusd_py.ports.outbox import Selection

HOUR = 3600.0
Seen = tuple[str, int, int]


class Seer(Meter):
    def __init__(self) -> None:
        self.measurements = list[Seen]()

    def events_seen(self, sink: str, pending: int, dead: int, oldest_seconds: float) -> None:  # noqa: ARG002  the port's
        self.measurements.append((sink, pending, dead))


def upkeep(events: MemoryOutbox, meter: Meter, *, delivers: bool) -> Upkeep:
    clock = asyncio.get_running_loop().time
    return Upkeep(outbox=events, retention=None, clock=clock, meter=meter, observer=Calls(), delivers=delivers)


def measured(*, delivers: bool) -> Sequence[Seen]:
    """Return the sink's name and its numbers of pending and dead events, of each measurement in an hour (less half a
    second) in which one event is pending. With `delivers`, the process that measures sends events to sinks."""

    async def program() -> Sequence[Seen]:
        events, meter = await outbox(), Seer()
        store(events, 1, EventType.CREATED)
        async with upkeep(events, meter, delivers=delivers).running():
            await asyncio.sleep(HOUR - 0.5)
        return meter.measurements

    with SimulatedLoop() as loop:
        return loop.run_until_complete(program())


def test_a_process_with_sinks_measures_each_second() -> None:
    assert measured(delivers=True) == [(SINK, 1, 0)] * 3600


def test_a_process_without_sinks_measures_each_ten_minutes() -> None:
    assert measured(delivers=False) == [(SINK, 1, 0)] * 6


def test_a_removed_sink_whose_backlog_was_dropped_lacks_nothing() -> None:
    async def program() -> Sequence[Seen]:
        events, meter = await outbox(), Seer()
        store(events, 1, EventType.CREATED)
        await events.register([])
        rounds = upkeep(events, meter, delivers=True)
        await rounds.measure()
        await events.drop(await events.list(Selection(), None, 10), 0.0)
        await rounds.measure()
        return meter.measurements

    with SimulatedLoop() as loop:
        assert loop.run_until_complete(program()) == [(SINK, 1, 0), (SINK, 0, 0)]
