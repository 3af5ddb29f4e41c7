"""The deliveries by one process to one sink: events of different uploads concurrently, those of one upload in
order.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from tusd_py.domain.errors import Unavailable
from tusd_py.events_out.courier import Courier, Unsubscribed
from tusd_py.ports.outbox import Delivery, Outbox

_POLL_SECONDS = 1.0
"""The longest pause in seconds between two looks for due events: events of other processes don't wake the lane."""
_RELEASE_SECONDS = 2.0
"""Seconds to end the leases of the deliveries that are cancelled when the time to drain is over."""


@dataclass(kw_only=True, eq=False)
class Lane:
    """A loop that delivers due events to one sink. It ends at `drain`, or once the receiver wants no more events."""

    name: str
    """The sink's name."""
    courier: Courier
    concurrency: int
    """The most deliveries at a time."""
    strict: bool = False
    """True if a dead event holds back the later ones of its upload."""
    _ended: bool = False
    _readable: bool = True
    """False after a look for due events that failed: of failures in a row, only the first is logged."""
    _soonest: float = math.inf
    """The earliest time, in seconds since the epoch, at which an event is due, as far as this lane knows."""
    _woken: asyncio.Event = field(default_factory=asyncio.Event)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    """The deliveries under way."""

    @property
    def outbox(self) -> Outbox:
        return self.courier.outbox

    def wake(self) -> None:
        """Have `run` look for due events now."""
        self._woken.set()

    async def run(self) -> None:
        """Start due deliveries until the lane ends; those under way may go on after that."""
        while not self._ended:
            self._woken.clear()
            if self._soonest <= self.courier.clock():
                self._soonest = math.inf
            await self._look()
            await self._wait()

    async def drain(self, seconds: float) -> None:
        """Start no more deliveries, wait up to `seconds` for those under way, then cancel those that are left: their
        events are due again at once, or at the ends of their leases if the outbox can't be reached.
        """
        self._ended = True
        self.wake()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
        late = set(self._tasks)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=_RELEASE_SECONDS)

    async def _look(self) -> None:
        """Start deliveries that are due, so many that at most `concurrency` are under way. An error isn't raised, as
        the next look may succeed; of errors in a row, only the first is logged.
        """
        try:
            await self._start_due()
        except Exception as error:  # noqa: BLE001  the other sinks' events and the server go on
            if self._readable:
                reason = str(error) or repr(error)
                self.courier.observer.trouble("events not read", sink=self.name, reason=reason)
            self._readable = False
        else:
            self._readable = True

    async def _wait(self) -> None:
        """Wait until an event may be due: until `wake`, the next known time, or `_POLL_SECONDS` have passed."""
        pause = min(max(self._soonest - self.courier.clock(), 0.0), _POLL_SECONDS)
        with suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await self._woken.wait()

    async def _start_due(self) -> None:
        free = self.concurrency - len(self._tasks)
        if free <= 0:
            return
        due = await self.outbox.due(self.name, self.courier.clock(), free, strict=self.strict)
        for leased, delivery in zip(await self._lease_all(due), due, strict=True):
            if leased is not None and self._ended:
                await self.courier.give_back(leased, delivery.due_at)
            elif leased is not None:
                self._start(leased, delivery.due_at)

    async def _lease_all(self, due: Sequence[Delivery]) -> Sequence[Delivery | None]:
        return await asyncio.gather(*(self._lease(delivery) for delivery in due))

    async def _lease(self, delivery: Delivery) -> Delivery | None:
        """Return the delivery, leased; None if it is new and was postponed, as the sink has a pause before the first
        attempt, or if another node has taken it."""
        schedule = self.courier.schedule
        later = schedule.first(delivery)
        if later is None:
            return await self.outbox.take(delivery, self.courier.clock() + schedule.lease)
        if await self.outbox.take(delivery, later) is not None:
            self._expect(later)
        return None

    def _start(self, leased: Delivery, due_at: float) -> None:
        task = asyncio.create_task(self._deliver(leased, due_at), name=f"event {leased.event_id}")
        self._tasks.add(task)
        task.add_done_callback(self._free)

    def _free(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self.wake()

    async def _deliver(self, leased: Delivery, due_at: float) -> None:
        """Deliver the event. If the attempt is cancelled, or the receiver wants no more events, it doesn't count: the
        event is due at `due_at` again, as before its lease."""
        try:
            self._expect(await self.courier.deliver(leased))
        except asyncio.CancelledError:
            await self.courier.give_back(leased, due_at)
            raise
        except Unsubscribed:
            self._pause()
            await self.courier.give_back(leased, due_at)
        except Unavailable as error:
            reason = str(error)
            self.courier.observer.trouble("delivery not recorded", sink=self.name, event=leased.event_id, reason=reason)

    def _pause(self) -> None:
        """End the lane until the server's next start, as the receiver wants no more events. Report this, unless the
        lane has ended already."""
        if not self._ended:
            reason = "it answered 410: its events wait until the next start"
            self.courier.observer.trouble("sink paused", sink=self.name, reason=reason)
        self._ended = True

    def _expect(self, due_at: float | None) -> None:
        """Have the lane look for due events again at `due_at` at the latest; None changes nothing."""
        if due_at is not None:
            self._soonest = min(self._soonest, due_at)
            self.wake()
