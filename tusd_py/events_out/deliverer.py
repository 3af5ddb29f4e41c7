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
"""Seconds that a sink's loop (`Lane`), once its deliveries are drained, may still take for a read of due events that it
has begun."""


class Deliverer:
    """The deliverer of one process: a loop (`Lane`) for each sink."""

    def __init__(self, lanes: Sequence[Lane], drain_seconds: float) -> None:
        """Take the loops, one for each sink; `drain_seconds` is the time that deliveries under way have from `close`
        on: then they are cancelled."""
        self._lanes, self._drain_seconds = lanes, drain_seconds
        self._closing: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Deliver events until `close`, at the latest until the end of the context. At that end, wait for the
        deliveries under way, and cancel those that aren't done `drain_seconds` after `close`."""
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
        """Start no more deliveries. A task, for which `running` waits, gives those under way `drain_seconds` to end,
        and cancels the rest."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._drain(), name="events under way")

    async def _drain(self) -> None:
        await asyncio.gather(*(lane.drain(self._drain_seconds) for lane in self._lanes))
