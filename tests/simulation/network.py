"""Requests from simulated machines to the services that they share, and the faults that a request can have. Each
request is one numbered step of an experiment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextvars import Context
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from tests.simulation.loop import MACHINE, Machine, SimulatedLoop

T = TypeVar("T")

TTL = 15.0
"""The seconds that a lease lasts without a renewal."""
HOP = 0.002
"""The seconds that a request and its answer take together."""
LATE = 5.0
"""The seconds by which the faults named `…lands-late` delay a request. One that arrives later than this and `HOP` after
its sender's crash has no effect."""
SOON = 0.5
LONG = 2.8 * TTL
"""The seconds of a long delay or pause: enough for any lease to run out, and for other nodes to finish meanwhile."""
OUTAGE = 45.0

Moment = Literal["sent", "landed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A fault that befalls one request, its service or its sender. By default nothing is unusual."""

    lands: float | None = 0.0
    """The seconds, in addition to `HOP`, until the request takes effect at the service; None if it never does."""
    answered: float | None = 0.0
    """The seconds from the request's effect until the sender has the answer; None if the answer is lost."""
    breaks: float | None = None
    """The seconds, and a tenth of `HOP`, until the sender is told that the connection is lost; None if it isn't
    told."""
    refused: bool = False
    """True if the sender gets `Service.refused`, the service's error for a refused request: for S3 a 403, for
    example."""
    rumour: bool = False
    """True if a proxy answers 404, as for a path without a backend; the service never gets the request."""
    crash: Moment | None = None
    noticed: bool = False
    """True if the other nodes know of the crash at once, and don't wait until the crashed node's leases run out; they
    do wait for the deliveries and jobs that it held."""
    pause: Moment | None = None
    outage: float = 0.0
    """The seconds from the request on in which further requests to the same service fail, too: all, or with
    `alike` only those for the same operation."""
    alike: bool = False
    """True if the outage fails only requests for the same operation."""


FAULTS: Mapping[str, Fault] = {
    "crash-before": Fault(lands=None, crash="sent"),
    "crash-after": Fault(crash="landed"),
    "crash-lands-late": Fault(lands=LATE, crash="sent"),
    "death-before": Fault(lands=None, crash="sent", noticed=True),
    "death-after": Fault(crash="landed", noticed=True),
    "death-lands-late": Fault(lands=LATE, crash="sent", noticed=True),
    "broken": Fault(lands=None, breaks=HOP),
    "refused": Fault(lands=None, refused=True),
    "answer-lost": Fault(answered=None, breaks=1.5 * HOP),
    "lands-late": Fault(lands=LATE, answered=None, breaks=HOP),
    "lands-soon": Fault(lands=SOON, answered=None, breaks=HOP),
    "slow-before": Fault(lands=LONG),
    "slow-after": Fault(answered=LONG),
    "pause-before": Fault(lands=LONG, pause="sent"),
    "pause-after": Fault(pause="landed"),
    "outage": Fault(lands=None, breaks=HOP, outage=OUTAGE),
    "failing": Fault(lands=None, breaks=HOP, outage=OUTAGE, alike=True),
    "outage-answer-lost": Fault(answered=None, breaks=1.5 * HOP, outage=OUTAGE),
    "rumour": Fault(lands=None, rumour=True),
    "rumours": Fault(lands=None, rumour=True, outage=SOON),
}

NO_FAULT = Fault()
_OUTSIDE = Context()
"""The context of callbacks that belong to no machine: those of requests in transit, and of the services."""

Plan = Mapping[int, str]
"""The names of faults (keys of `FAULTS`), by the numbers of the requests that have one: all are counted from 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A service that the machines share. For the name of an operation, three functions return the exception of the
    service's client: `broken` if the connection breaks or no answer comes in time, `refused` if the service refuses the
    request, and `rumour` if a proxy answers 404."""

    name: str
    patience: float
    """The seconds for which a machine waits for this service's answer to a request."""
    broken: Callable[[str], Exception]
    refused: Callable[[str], Exception]
    rumour: Callable[[str], Exception]


class Network:
    """The network between machines and services, which numbers the requests and applies the faults of the plan."""

    def __init__(self, loop: SimulatedLoop, plan: Plan) -> None:
        self.steps: list[str] = []
        """All requests so far, each as `NODE SERVICE.OPERATION`."""
        self.over = False
        """True once the experiment has ended: remaining tasks are only being cancelled, and no request is sent any
        more."""
        self.plan = plan
        self._loop = loop
        self._outages: dict[str, tuple[float, Fault]] = {}
        """The end of each outage, on the loop's clock, and the fault of each request until then: by the name of a
        service, or by `SERVICE.OPERATION`."""

    async def ask(self, service: Service, operation: str, effect: Callable[[], T]) -> T:
        """Send a request: on arrival `effect` is called, and its result is returned or its exception raised. By a fault
        of the plan, or an outage that one began, the request or its answer may be late or lost, and the machine paused
        or crashed; then an exception of `service` (`broken`, `refused` or `rumour`) may be raised. Raises
        CancelledError if called outside of a machine or after the experiment."""
        machine = MACHINE.get()
        if self.over or machine is None:
            raise asyncio.CancelledError
        fault = FAULTS.get(self.plan.get(len(self.steps), ""), NO_FAULT)
        self.steps.append(f"{machine.name} {service.name}.{operation}")
        for target in (service.name, f"{service.name}.{operation}"):
            until, recurring = self._outages.get(target, (0.0, NO_FAULT))
            fault = recurring if self._loop.time() < until else fault
        answer = self._send(_Request(service=service, operation=operation, effect=effect, machine=machine), fault)
        patience = None if fault is NO_FAULT else service.patience
        try:
            async with asyncio.timeout(patience):
                result: T = await answer
        except TimeoutError:
            raise service.broken(operation) from None
        return result

    def _send(self, request: _Request, fault: Fault) -> asyncio.Future[Any]:
        answer: asyncio.Future[Any] = self._loop.create_future()
        if fault.outage:
            recurring = FAULTS["rumour" if fault.rumour else "broken"]
            target = f"{request.service.name}.{request.operation}" if fault.alike else request.service.name
            self._outages[target] = self._loop.time() + fault.outage, recurring
        _befall(request.machine, fault, "sent")
        if fault.lands is not None:
            self._later(HOP + fault.lands, self._land, request, fault, answer)
        if fault.breaks is not None:
            self._later(fault.breaks + HOP / 10, _fail, answer, request.service.broken(request.operation))
        if fault.refused:
            self._later(1.5 * HOP, _fail, answer, request.service.refused(request.operation))
        if fault.rumour:
            self._later(1.5 * HOP, _fail, answer, request.service.rumour(request.operation))
        return answer

    def _land(self, request: _Request, fault: Fault, answer: asyncio.Future[Any]) -> None:
        if self._is_orphaned(request.machine):
            return
        reply: tuple[Callable[..., None], Any]
        try:
            reply = _succeed, request.effect()
        except Exception as error:  # noqa: BLE001 (an answer like any other)
            reply = _fail, error
        _befall(request.machine, fault, "landed")
        if fault.answered is not None:
            self._later(fault.answered, reply[0], answer, reply[1])

    def _is_orphaned(self, machine: Machine) -> bool:
        """True if the machine crashed so long ago that none of its requests is still under way."""
        return machine.crashed.done() and self._loop.time() > machine.crashed.result() + LATE + HOP

    def _later(self, seconds: float, callback: Callable[..., None], *args: Any) -> None:
        if seconds:
            self._loop.call_later(seconds, callback, *args, context=_OUTSIDE)
        else:
            callback(*args)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    service: Service
    operation: str
    effect: Callable[[], Any]
    machine: Machine


def _befall(machine: Machine, fault: Fault, moment: Moment) -> None:
    if fault.crash == moment:
        machine.crash(noticed=fault.noticed)
    if fault.pause == moment:
        machine.pause(LONG)


def _succeed(answer: asyncio.Future[Any], result: Any) -> None:
    if not answer.done():
        answer.set_result(result)


def _fail(answer: asyncio.Future[Any], error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)


def at_once(work: Coroutine[Any, Any, T]) -> T:
    """Return the result of a coroutine that never waits. Raises AssertionError if it does wait."""
    try:
        work.send(None)
    except StopIteration as stop:
        result: T = stop.value
        return result
    raise AssertionError("it waits")
