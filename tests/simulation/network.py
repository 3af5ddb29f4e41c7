"""Requests between machines and the services they share, one step each, and all that can befall one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextvars import Context
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from tests.simulation.loop import MACHINE, Machine, SimulatedLoop

T = TypeVar("T")

TTL = 15.0
"""Seconds of a lease."""
HOP = 0.002
"""Seconds a request takes, and its answer with it."""
LATE = 5.0
"""Seconds a request may be in transit that its sender has given up, or after its sender's death."""
SOON = 0.5
LONG = 2.8 * TTL
"""Long enough for any lease to run out, and for others to finish meanwhile."""
OUTAGE = 45.0

Moment = Literal["sent", "landed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A fault of one request. Times are seconds on top of the usual ones; None is never."""

    lands: float | None = 0.0
    """Until it takes effect."""
    answered: float | None = 0.0
    """From then until its sender knows."""
    breaks: float | None = None
    """Until its sender is told that the connection is lost."""
    refused: bool = False
    """The service says no, in a way that a repeat doesn't mend."""
    rumour: bool = False
    """A proxy on the way says 404, as for a path it has no backend for; the service never hears of it."""
    crash: Moment | None = None
    noticed: bool = False
    """Others know of the crash at once, and don't wait for what the dead one held to run out."""
    pause: Moment | None = None
    outage: float = 0.0
    """From now on nothing gets through to the service for so long: the first thing is not the last."""
    alike: bool = False
    """That befalls requests for the same alone."""


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
"""No machine's: what happens on the wire and in the services."""

Plan = Mapping[int, str]
"""The fault of each step that has one, by the step's number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """Something the machines share. The last three say how its client sees that, by operation."""

    name: str
    patience: float
    """Seconds its client waits for an answer."""
    broken: Callable[[str], Exception]
    refused: Callable[[str], Exception]
    rumour: Callable[[str], Exception]


class Network:
    """Carries requests, counts them, and lets happen what the plan says."""

    def __init__(self, loop: SimulatedLoop, plan: Plan) -> None:
        self.steps: list[str] = []
        """Every request so far: who asked which service for what."""
        self.over = False
        """The experiment has ended: all that still runs is only being put away."""
        self.plan = plan
        self._loop = loop
        self._outages: dict[str, tuple[float, Fault]] = {}
        """Until when, and what befalls each request: by service, and by service and operation."""

    async def ask(self, service: Service, operation: str, effect: Callable[[], T]) -> T:
        """Send a request; what `effect` returns or raises is its answer."""
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
    """The result of a coroutine that never waits."""
    try:
        work.send(None)
    except StopIteration as stop:
        result: T = stop.value
        return result
    raise AssertionError("it waits")
