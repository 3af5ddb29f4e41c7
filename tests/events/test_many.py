"""Very many uploads with a sink that fails every second attempt: each event arrives, in order, and memory hardly
grows."""

from __future__ import annotations

import asyncio
import gc
import os
import time
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path

import psutil
import pytest

from tests.support.deliveries import upload
from tests.unit.events_out.delivering import SINK, Calls
from tusd_py.backends.sqlite.state import SqliteState
from tusd_py.domain.events import Event, EventType
from tusd_py.events_out.courier import Courier
from tusd_py.events_out.deliverer import Deliverer
from tusd_py.events_out.lane import Lane
from tusd_py.events_out.schedule import Schedule
from tusd_py.ports.outbox import Backlog, Delivery, Subscription
from tusd_py.ports.sink import DeliveryFailed

MIB = 1024 * 1024
ORDER = (EventType.CREATED, EventType.FINISHED)
_BATCH = 100


class _HalfDead:
    """A sink that fails every second attempt, and keeps for each upload only how many of its events have come."""

    def __init__(self, count: int) -> None:
        self._turns = cycle((True, False))
        self.last = bytearray(count)
        self.remaining, self.done = count * len(ORDER), asyncio.Event()

    async def publish(self, delivery: Delivery) -> None:
        await asyncio.sleep(0)
        if next(self._turns):
            raise DeliveryFailed("HTTP 500")
        number = int(delivery.upload_id, 16)
        assert ORDER[self.last[number]] is delivery.type
        self.last[number] += 1
        self.remaining -= 1
        if not self.remaining:
            self.done.set()

    async def aclose(self) -> None:
        """Do nothing: nothing is open."""


@pytest.mark.parametrize("count", [2000, pytest.param(100_000, marks=[pytest.mark.huge, pytest.mark.timeout(7200)])])
async def test_all_is_told_in_order_and_memory_stays_as_it_is(count: int, tmp_path: Path) -> None:
    state, sink = SqliteState(tmp_path / "state.db"), _HalfDead(count)
    await state.outbox.register([Subscription(name=SINK, format="tusd", types=frozenset(ORDER))])
    async with Deliverer([_lane(state, sink)], 5.0).running():
        before = 0
        for start in range(0, count, _BATCH):
            await asyncio.gather(*(_make(state, number) for number in range(start, start + _BATCH)))
            before = before or _resident()
        await sink.done.wait()
        assert _resident() - before < 48 * MIB
    assert await state.outbox.backlogs() == [Backlog(sink=SINK, pending=0, dead=0, oldest=None)]
    await state.aclose()


async def _make(state: SqliteState, number: int) -> None:
    """Create an upload in the state, with the events created and finished."""
    recorded = upload(number, updated_at=time.time())
    await state.create(recorded, events=[Event(type=type_, upload=recorded) for type_ in ORDER])


def _lane(state: SqliteState, sink: _HalfDead) -> Lane:
    pauses: Sequence[float] = (0.0, *(0.2,) * 100)
    calls = Calls()
    courier = Courier(
        sink=sink,
        outbox=state.outbox,
        schedule=Schedule(pauses=pauses, lease=600.0),
        clock=time.time,
        observer=calls,
        meter=calls,
    )
    return Lane(name=SINK, courier=courier, concurrency=16)


def _resident() -> int:
    gc.collect()
    return psutil.Process(os.getpid()).memory_info().rss
