"""One attempt to deliver an event: it is sent to the sink, and the outcome is recorded in the outbox."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from time import perf_counter

from tusd_py.domain.errors import Unavailable
from tusd_py.events_out.formats.tusd import HOOKS
from tusd_py.events_out.hooks.call import TIMEOUT
from tusd_py.events_out.schedule import Schedule
from tusd_py.ports.meter import Meter
from tusd_py.ports.observer import Observer
from tusd_py.ports.outbox import Delivery, Outbox
from tusd_py.ports.sink import DeliveryFailed, Sink


class Unsubscribed(Exception):
    """The sink's receiver wants no more events; the attempt doesn't count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Courier:
    """A sender of deliveries that this process has leased."""

    sink: Sink
    outbox: Outbox
    schedule: Schedule
    clock: Callable[[], float]
    observer: Observer
    meter: Meter

    async def deliver(self, leased: Delivery) -> float | None:
        """Send the event and record the outcome; return the time of the next attempt, in seconds since the epoch, or
        None if the event is delivered or dead.

        Raises Unsubscribed; StateUnavailable if the outcome can't be recorded: after its lease, the event is sent
        again.
        """
        started = perf_counter()
        try:
            await self._publish(leased)
        except DeliveryFailed as failure:
            self._measure(leased, started, "timeout" if str(failure) == TIMEOUT else "failed")
            return await self._fail(leased, failure)
        self._measure(leased, started, "ok")
        await self.outbox.mark_delivered(leased)
        return None

    async def give_back(self, leased: Delivery, due_at: float) -> None:
        """Make a delivery whose attempt doesn't count due again at `due_at`. If the outbox can't be reached, the
        delivery is due at the end of its lease.
        """
        with suppress(Unavailable):
            await self.outbox.take(leased, due_at)

    async def _publish(self, leased: Delivery) -> None:
        """Publish the event. Raises DeliveryFailed, also in place of an unexpected error, which is reported: other
        deliveries to the sink go on.
        """
        try:
            await self.sink.publish(leased)
        except DeliveryFailed:
            raise
        except Exception as error:
            self.observer.trouble("sink failed", sink=leased.sink, event=leased.event_id, reason=repr(error))
            raise DeliveryFailed(type(error).__name__) from error

    async def _fail(self, leased: Delivery, failure: DeliveryFailed) -> float | None:
        if failure.unsubscribed:
            raise Unsubscribed from failure
        due_at = self.schedule.following(leased, self.clock(), failure.retry_after)
        await self.outbox.mark_failed(leased, str(failure), due_at)
        if due_at is None:
            reason = str(failure)
            self.observer.trouble("event not delivered", sink=leased.sink, event=leased.event_id, reason=reason)
        return due_at

    def _measure(self, leased: Delivery, started: float, outcome: str) -> None:
        hook = HOOKS.get(leased.type, f"post-{leased.type}")
        self.meter.hook_called(hook, perf_counter() - started, outcome)
