"""The upkeep of the outbox: its backlogs are measured, and events without a pending or dead delivery are removed after
their retention."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tusd_py.domain.errors import Unavailable
from tusd_py.domain.thresholds import DEFAULT, Thresholds
from tusd_py.ports.meter import Meter
from tusd_py.ports.observer import Observer
from tusd_py.ports.outbox import Outbox
from tusd_py.tasks import end

_MEASURE_SECONDS = 1.0
_RARE_SECONDS = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Upkeep:
    """The upkeep of the outbox by one process: it measures the sinks' backlogs and removes old events. Several
    processes may do it at a time."""

    outbox: Outbox
    retention: float | None
    """The age in seconds from which events without a pending or dead delivery are removed; None for no end."""
    clock: Callable[[], float]
    meter: Meter
    observer: Observer
    delivers: bool
    """True if this process sends events to hooks or to addresses (`events-to`). Else the backlogs are measured rarely:
    only commands change them, and events that begin or cancel jobs."""
    thresholds: Thresholds = DEFAULT
    _measured: set[str] = field(default_factory=set)
    """The names of the sinks whose backlogs were measured."""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Measure and prune regularly until the end of the context."""
        pause = _MEASURE_SECONDS if self.delivers else _RARE_SECONDS
        tasks = [
            asyncio.create_task(self._repeat(self.measure, pause)),
            asyncio.create_task(self._repeat(self.prune, _RARE_SECONDS)),
        ]
        try:
            yield
        finally:
            await end(*tasks)

    async def measure(self) -> None:
        """Give the meter each sink's numbers of pending and dead events, and the age in seconds of the oldest pending
        one, 0 if none is pending; zeros for a sink that was measured before and is gone. Raises StateUnavailable.
        """
        backlogs = await self.outbox.backlogs()
        for sink in self._measured - {backlog.sink for backlog in backlogs}:
            self.meter.events_seen(sink, 0, 0, 0.0)
        for backlog in backlogs:
            age = 0.0 if backlog.oldest is None else max(self.clock() - backlog.oldest, 0.0)
            self.meter.events_seen(backlog.sink, backlog.pending, backlog.dead, age)
            self._measured.add(backlog.sink)

    async def prune(self) -> None:
        """Remove events older than the retention for which no delivery is pending or dead; none if the retention has no
        end. Raises StateUnavailable."""
        if self.retention is None:
            return
        before, limit = self.clock() - self.retention, self.thresholds.pruned
        while await self.outbox.prune(before, limit) == limit:
            pass

    async def _repeat(self, action: Callable[[], Awaitable[None]], seconds: float) -> None:
        """Run the action now and after each pause of `seconds`. If the state can't be reached, that is reported, and
        the next run retries.
        """
        while True:
            try:
                await action()
            except Unavailable as error:
                self.observer.trouble("outbox not tended", reason=str(error))
            await asyncio.sleep(seconds)
