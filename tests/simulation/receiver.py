"""The receiver of all events: what it must be told, and what it was told."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence

from tests.simulation.loop import SimulatedLoop
from tests.simulation.network import Network, Service
from tusd_py.domain.events import Event, EventType
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.ports.outbox import Delivery
from tusd_py.ports.sink import DeliveryFailed

NAME = "receiver"
ENDS = frozenset({EventType.TERMINATED, EventType.EXPIRED, EventType.LOST})
_LONGEST_TROUBLE = 300.0
"""Seconds that the faults of one experiment last together, at the most."""


class Untold(AssertionError):
    """A broken promise about events: one was lost, invented, late, out of order, told twice without a reason or given
    up too soon, or an upload's events and its record disagree."""


SINK = Service(
    name="sink",
    patience=10.0,
    broken=lambda _: DeliveryFailed("connection broken"),
    refused=lambda _: DeliveryFailed("HTTP 500"),
    rumour=lambda _: DeliveryFailed("HTTP 404"),
)


class Receiver:
    """A receiver that records events by their ids. For a while it may refuse events, or not answer, with or without a
    record of them."""

    def __init__(self, loop: SimulatedLoop, *, strict: bool) -> None:
        self._loop, self._strict = loop, strict
        self._events: dict[str, tuple[UploadId, EventType]] = {}
        """The events of all commits, by their ids, in order."""
        self._arrivals: dict[str, Delivery] = {}
        """The first delivery of each event that arrived, by the event's id, in the order of arrival."""
        self.attempts = 0
        """The number of arrivals, repeated ones too."""
        self._dead: set[UploadId] = set()
        """The ids of uploads of which an event was ever given up."""
        self._hasty: list[str] = []
        """The ids of events that were given up too soon: the attempts at them outlast every fault, and the receiver had
        never refused events or been silent before."""
        self._back_at = self._speaks_at = 0.0
        self._hears = True
        """True if the receiver records deliveries that it doesn't answer."""
        self._troubled = False

    def leave(self, seconds: float) -> None:
        """Refuse all deliveries for `seconds` from now on."""
        self._back_at, self._troubled = self._loop.time() + seconds, True

    def hush(self, seconds: float, *, hears: bool) -> None:
        """Leave deliveries unanswered for `seconds` from now on; with `hears`, record them nevertheless."""
        self._speaks_at, self._troubled = self._loop.time() + seconds, True
        self._hears = hears

    def expect(self, events: Iterable[Event], recorded: Upload) -> None:
        """Record that these events were stored in the commit of `recorded`, and so must arrive. One whose id is known
        already is no further event, unless it is a roll-back."""
        for event in events:
            repeated = event.id in self._events
            if not repeated or event.type is EventType.ROLLED_BACK:
                name = f"{event.id}_{recorded.revision}" if repeated else event.id
                self._events.setdefault(name, (recorded.id, event.type))

    def hear(self, delivery: Delivery) -> bool:
        """Record the delivery, and return True if it is answered. During a silence (`hush`) it isn't answered, and it
        is recorded only if the silence began with `hears`. Raises DeliveryFailed while the receiver refuses
        deliveries."""
        if self._loop.time() < self._back_at:
            raise DeliveryFailed("HTTP 503")
        answers = self._loop.time() >= self._speaks_at
        if answers or self._hears:
            self.attempts += 1
            self._arrivals.setdefault(delivery.event_id, delivery)
        return answers

    def give_up(self, delivery: Delivery, pauses: Sequence[float]) -> None:
        """Record that a node gave up this delivery after attempts with these pauses: too soon if the pauses outlast
        every fault, and the receiver had never refused events or been silent before."""
        self._dead.add(delivery.upload_id)
        if not self._troubled and sum(pauses) > _LONGEST_TROUBLE:
            self._hasty.append(delivery.event_id)

    @property
    def knows_all(self) -> bool:
        return self._arrivals.keys() >= self._events.keys()

    def check(self, uploads: Mapping[UploadId, Upload]) -> None:
        """Check that exactly the stored events arrived, those of each upload in order, that none was given up too soon,
        and that they fit `uploads`, the last records. Unless the receiver is `strict`, events of an upload of which one
        was given up may be out of order. Raises Untold."""
        if missing := self._events.keys() - self._arrivals.keys():
            raise Untold(f"never told: {missing}")
        if self._hasty:
            raise Untold(f"given up too soon: {self._hasty}")
        if unknown := self._arrivals.keys() - self._events.keys():
            raise Untold(f"told, but it never happened: {unknown}")
        events, arrivals = _by_upload(self._events), _by_upload(self._arrivals)
        for upload_id, names in events.items():
            if names != arrivals[upload_id] and (self._strict or upload_id not in self._dead):
                raise Untold(f"{names} told as {arrivals[upload_id]}")
        self._check_stories(uploads)

    def check_calm(self) -> None:
        """Check that as many deliveries arrived as events were stored, unless the receiver ever refused events or was
        silent: no event came twice. Raises Untold."""
        if not self._troubled and self.attempts != len(self._events):
            raise Untold(f"{len(self._events)} events came {self.attempts} times")

    def _check_stories(self, uploads: Mapping[UploadId, Upload]) -> None:
        """Check that the events of each upload begin with its creation. If its record says that it is done, they tell
        that it was finished, and none tells that it was terminated, has expired or is lost (`ENDS`); else, also without
        a record, exactly the last one does. Each record has events. Raises Untold."""
        for upload_id, names in _by_upload(self._events).items():
            types = [self._events[name][1] for name in names]
            done = upload_id in uploads and uploads[upload_id].done
            ends = [] if done else types[-1:]
            if types[0] is not EventType.CREATED or [type_ for type_ in types if type_ in ENDS] != ends:
                raise Untold(f"no story of an upload that is {'done' if done else 'gone'}: {types}")
            if done and EventType.FINISHED not in types:
                raise Untold(f"done, but not told so: {types}")
        if unheard := uploads.keys() - _by_upload(self._events).keys():
            raise Untold(f"nothing is told of {unheard}")


def _by_upload(events: Iterable[str]) -> Mapping[UploadId, Sequence[str]]:
    """Return the ids of events, grouped by the id of their upload; each group keeps their order."""
    sorted_ids = dict[UploadId, list[str]]()
    for name in events:
        sorted_ids.setdefault(UploadId(name.split("_")[1]), []).append(name)
    return sorted_ids


class SimulatedSink:
    """A sink of one node that sends events to the receiver over the simulated network."""

    def __init__(self, network: Network, receiver: Receiver) -> None:
        self._network, self._receiver = network, receiver

    async def publish(self, delivery: Delivery) -> None:
        if not await self._network.ask(SINK, "publish", lambda: self._receiver.hear(delivery)):
            await asyncio.sleep(SINK.patience)
            raise DeliveryFailed("timeout")

    async def aclose(self) -> None:
        """Do nothing: no connection is open."""
