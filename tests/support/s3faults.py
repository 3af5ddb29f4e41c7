"""Faults between a server and S3, as small actions that combine.

An action takes over one exchange. `after_forwarding(x)` means: S3 did it, and x is what the client sees of it. So a
swallowed answer is `after_forwarding(reset())`, and S3's error inside a 200 is `error(200, "InternalError")`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

from aiohttp.web import StreamResponse

from tests.support.s3exchange import Exchange
from tests.support.s3request import S3Request
from tests.support.s3strict import S3Error

Action = Callable[[Exchange], Awaitable[StreamResponse]]

ANY = "*"


async def pass_on(exchange: Exchange) -> StreamResponse:
    """Nothing goes wrong."""
    return await exchange.relay(await exchange.forward())


def error(status: int, code: str) -> Action:
    """The body is read, nothing is done, and S3 says so."""

    async def act(exchange: Exchange) -> StreamResponse:
        await exchange.drain()
        return exchange.refuse(S3Error(status, code))

    return act


def page(status: int, text: str) -> Action:
    """Not S3 answers but what stands before it, with its own page."""

    async def act(exchange: Exchange) -> StreamResponse:
        await exchange.drain()
        return exchange.intervene(status, text)

    return act


def nothing() -> Action:
    """A success without a word about it, and nothing was done."""

    async def act(exchange: Exchange) -> StreamResponse:
        await exchange.drain()
        return exchange.nod()

    return act


def reset() -> Action:
    """The connection breaks."""

    async def act(exchange: Exchange) -> StreamResponse:
        return exchange.reset()

    return act


def hang_up() -> Action:
    """The connection closes in good order, with no answer."""

    async def act(exchange: Exchange) -> StreamResponse:
        return exchange.hang_up()

    return act


def stall() -> Action:
    """Silence, until the client gives up."""

    async def act(exchange: Exchange) -> StreamResponse:
        await asyncio.Event().wait()
        return exchange.reset()

    return act


def delay(seconds: float, then: Action = pass_on) -> Action:
    async def act(exchange: Exchange) -> StreamResponse:
        await asyncio.sleep(seconds)
        return await then(exchange)

    return act


def cut(then: Action | None = None) -> Action:
    """S3 did it; the answer's head and half its body come, and then what is given: by default the connection closes."""

    async def act(exchange: Exchange) -> StreamResponse:
        await exchange.relay_half(await exchange.forward())
        return await (then or hang_up())(exchange)

    return act


def throttle(rate: float, then: Action = pass_on) -> Action:
    """Bodies move at `rate` bytes a second, both ways."""

    async def act(exchange: Exchange) -> StreamResponse:
        exchange.rate = rate
        return await then(exchange)

    return act


@dataclass(frozen=True, slots=True)
class Gate:
    """A gate where a request waits for the test, and the test for the request."""

    reached: asyncio.Event = field(default_factory=asyncio.Event)
    opened: asyncio.Event = field(default_factory=asyncio.Event)


def hold(gate: Gate, then: Action = pass_on) -> Action:
    async def act(exchange: Exchange) -> StreamResponse:
        gate.reached.set()
        await gate.opened.wait()
        return await then(exchange)

    return act


def outliving(gate: Gate) -> Action:
    """It is on this side of the network, and reaches S3 once the gate opens, even if its client is gone."""

    async def act(exchange: Exchange) -> StreamResponse:
        await exchange.receive()
        gate.reached.set()
        with suppress(asyncio.CancelledError):  # its connection is gone
            await gate.opened.wait()
        await gate.opened.wait()
        await exchange.swallow(await exchange.forward())
        return exchange.hang_up()

    return act


def after_forwarding(then: Action) -> Action:
    async def act(exchange: Exchange) -> StreamResponse:
        await exchange.swallow(await exchange.forward())
        return await then(exchange)

    return act


def anything(_: S3Request) -> bool:
    return True


@dataclass(slots=True)
class Rule:
    """Row of the list of faults: the `nth` request (from 1, since the rule was made; None: each one) of `operation`
    that is one of `matches`."""

    operation: str
    nth: int | None
    action: Action
    matches: Callable[[S3Request], bool] = anything
    count: int = 0

    @property
    def has_hit(self) -> bool:
        return self.count >= (self.nth or 1)

    def hits(self, request: S3Request) -> bool:
        if self.operation not in (request.operation, ANY) or not self.matches(request):
            return False
        self.count += 1
        return self.nth in (None, self.count)


class Faults:
    """Which exchange gets which action; the first rule that hits decides."""

    def __init__(self) -> None:
        self._rules: list[Rule] = []

    def rule(
        self, operation: str, nth: int | None, action: Action, matches: Callable[[S3Request], bool] = anything
    ) -> Rule:
        self._rules.append(Rule(operation, nth, action, matches))
        return self._rules[-1]

    def clear(self) -> None:
        self._rules.clear()

    def action(self, request: S3Request) -> Action:
        """Every rule counts the request, also those that come after the one that hits."""
        hits = [rule.action for rule in self._rules if rule.hits(request)]
        return hits[0] if hits else pass_on
