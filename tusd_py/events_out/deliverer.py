"""The delivery of stored events by each process that serves. Leases in the outbox keep two processes from
sending the same event at the same time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from tusd_py.events_out.lane import Lane
from tusd_py.tasks import end

_LAST_LOOK_SECONDS = 2.0
"""Seconds that a look for due events may still take once its lane has been drained."""


class Deliverer:
    """The deliverer of one process: a lane for each sink."""

    def __init__(self, lanes: Sequence[Lane], drain_seconds: float) -> None:
        """Take the lanes; `drain_seconds` is the time that deliveries under way have from `close` on."""
        self._lanes, self._drain_seconds = lanes, drain_seconds
        self._closing: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Deliver until the end of the context."""
        for lane in self._lanes:
            lane.outbox.watch(lane.wake)
        tasks = [asyncio.create_task(lane.run(), name=f"events to {lane.name}") for lane in self._lanes]
        try:
            yield
        finally:
            self.close()
            await asyncio.gather(*filter(None, [self._closing]))
            if tasks:
                await asyncio.wait(tasks, timeout=_LAST_LOOK_SECONDS)
            await end(*tasks)

    def close(self) -> None:
        """Start no more deliveries, and drain the lanes in a task, for which `running` waits."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._drain(), name="events under way")

    async def _drain(self) -> None:
        await asyncio.gather(*(lane.drain(self._drain_seconds) for lane in self._lanes))
