"""The operations of commands on events, also while a server runs. They use the state store, and not the storage."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from tusd_py.config import Settings
from tusd_py.domain.thresholds import DEFAULT
from tusd_py.ports.outbox import Delivery, DeliveryState, Outbox, Selection

DEFAULT_STATES = frozenset({DeliveryState.PENDING, DeliveryState.DEAD})
_DEAD = frozenset({DeliveryState.DEAD})


class EventNotFound(Exception):
    """The event has no delivery, or none to the sink that was named."""

    def __init__(self, event_id: str, sink: str | None) -> None:
        place = "" if sink is None else f" for sink {sink}"
        super().__init__(f"no event {event_id}{place}: see tusd-py events list --state all")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """An operator's choice of events: by their ids, or all that happened since a time."""

    event_ids: Sequence[str] = ()
    sink: str | None = None
    """The name of the sink whose deliveries are chosen; None for those of all sinks."""
    since: float | None = None
    """The earliest time of a chosen event, in seconds since the epoch; None to choose by `event_ids`."""


def open_outbox(settings: Settings) -> AbstractAsyncContextManager[Outbox]:
    """Open the outbox in the server's state store. Raises ConfigurationError."""
    from tusd_py.server import wiring  # noqa: PLC0415  imported late, for fast help

    return wiring.open_outbox(settings)


async def pages(outbox: Outbox, selection: Selection) -> AsyncIterator[Sequence[Delivery]]:
    """Yield pages of the selected deliveries, by number and sink. Raises ConfigurationError, StateUnavailable."""
    after = None
    while page := await outbox.list(selection, after, DEFAULT.event_page):
        yield page
        after = page[-1]


async def find(settings: Settings, choice: Choice) -> Sequence[Delivery]:
    """Return the deliveries of the events chosen by id, to the chosen sink or, without one, to all. Raises
    EventNotFound if one of the events has no such delivery, ConfigurationError, StateUnavailable.
    """
    async with open_outbox(settings) as outbox:
        return await _deliveries(outbox, choice)


async def retry(settings: Settings, choice: Choice) -> int:
    """Make the dead ones of the chosen deliveries pending and due now; return their number.

    Raises EventNotFound, ConfigurationError, StateUnavailable.
    """
    count, now = 0, time.time()
    async with open_outbox(settings) as outbox:
        async for page in _chosen(outbox, choice, _DEAD):
            count += await outbox.restart([delivery for delivery in page if delivery.state in _DEAD], now)
    return count


async def replay(settings: Settings, choice: Choice) -> int:
    """Make the chosen deliveries pending and due now, except delivered ones past their retention and, if the choice
    names no sink, those to the jobs' sink; return their number.

    Raises EventNotFound, ConfigurationError, StateUnavailable.
    """
    count, now = 0, time.time()
    oldest = 0.0 if settings.events_retention is None else now - settings.events_retention
    async with open_outbox(settings) as outbox:
        async for page in _chosen(outbox, choice, frozenset(DeliveryState)):
            chosen = page if choice.sink is not None else [delivery for delivery in page if not _begins_jobs(delivery)]
            count += await outbox.restart([delivery for delivery in chosen if _is_kept(delivery, oldest)], now)
    return count


def _begins_jobs(delivery: Delivery) -> bool:
    """Return True if the delivery is to the server's own sink for jobs: once a job is pruned, another delivery of the
    same event would begin it again."""
    from tusd_py.jobs.on_finish import NAME  # noqa: PLC0415  imported late, for fast help

    return delivery.sink == NAME


def _is_kept(delivery: Delivery, oldest: float) -> bool:
    """Return True unless the delivery was delivered, and its event is from before the time `oldest`."""
    return delivery.state is not DeliveryState.DELIVERED or delivery.at >= oldest


async def drop(settings: Settings, choice: Choice) -> int:
    """Remove the deliveries, in any state, of the events chosen by id, to the chosen sink or, without one, to all;
    return the number of removed deliveries.

    Raises EventNotFound, ConfigurationError, StateUnavailable.
    """
    async with open_outbox(settings) as outbox:
        return await outbox.drop(await _deliveries(outbox, choice), time.time())


async def _chosen(
    outbox: Outbox, choice: Choice, states: frozenset[DeliveryState]
) -> AsyncIterator[Sequence[Delivery]]:
    """Yield pages of the chosen deliveries: those in `states` if the choice has a time, those in any state if
    it has ids. Raises EventNotFound, ConfigurationError, StateUnavailable.
    """
    if choice.since is None:
        yield await _deliveries(outbox, choice)
        return
    async for page in pages(outbox, Selection(states=states, sink=choice.sink, since=choice.since)):
        yield page


async def _deliveries(outbox: Outbox, choice: Choice) -> Sequence[Delivery]:
    """Return the deliveries of the events chosen by id, to the chosen sink or, without one, to all. Raises
    EventNotFound if one of the events has no such delivery, ConfigurationError, StateUnavailable.
    """
    chosen = list[Delivery]()
    for event_id in dict.fromkeys(choice.event_ids):
        deliveries = [
            delivery for delivery in await outbox.deliveries(event_id) if choice.sink in {None, delivery.sink}
        ]
        if not deliveries:
            raise EventNotFound(event_id, choice.sink)
        chosen += deliveries
    return chosen
