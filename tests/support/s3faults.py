"""Faults between a server and S3, as small actions that combine.

An action handles one exchange. `after_forwarding(x)` lets S3 carry out the request, drops S3's answer and then does x
to the client. So a lost answer is `after_forwarding(reset())`; `error(200, "InternalError")` is S3's error inside a
200.
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
    """Forward the request to S3 and relay the answer."""
    return await exchange.relay(await exchange.forward())


def error(status: int, code: str) -> Action:
    """An action that reads the body and answers with this S3 error, without forwarding the request."""

    async def act(exchange: Exchange) -> StreamResponse:
        await exchange.drain()
        return exchange.refuse(S3Error(status, code))

    return act


def page(status: int, text: str) -> Action:
    """An action that reads the body and answers with a page of text, as a proxy before S3 may; nothing is forwarded."""

    async def act(exchange: Exchange) -> StreamResponse:
        await exchange.drain()
        return exchange.intervene(status, text)

    return act


def nothing() -> Action:
    """An action that reads the body and answers an empty 200, without forwarding the request."""

    async def act(exchange: Exchange) -> StreamResponse:
        await exchange.drain()
        return exchange.nod()

    return act


def reset() -> Action:
    """An action that breaks the client's connection with RST."""

    async def act(exchange: Exchange) -> StreamResponse:
        return exchange.reset()

    return act


def hang_up() -> Action:
    """An action that closes the client's connection without an answer; unlike `reset`, it forces no RST."""

    async def act(exchange: Exchange) -> StreamResponse:
        return exchange.hang_up()

    return act


def stall() -> Action:
    """An action that sends nothing until the client gives up."""

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
    """An action that lets S3 carry out the request, sends the head and half the body of the answer (nothing for a
    HEAD), and goes on with `then`, by default by closing the connection."""

    async def act(exchange: Exchange) -> StreamResponse:
        await exchange.relay_half(await exchange.forward())
        return await (then or hang_up())(exchange)

    return act


def throttle(rate: float, then: Action = pass_on) -> Action:
    """An action that does `then`, with the bodies of the request and of an answer that `relay` sends at no more than
    `rate` bytes per second each."""

    async def act(exchange: Exchange) -> StreamResponse:
        exchange.rate = rate
        return await then(exchange)

    return act


@dataclass(frozen=True, slots=True)
class Gate:
    """A gate at which requests wait: the proxy sets `reached` once a request waits there, and the test sets `opened` to
    let all pass."""

    reached: asyncio.Event = field(default_factory=asyncio.Event)
    opened: asyncio.Event = field(default_factory=asyncio.Event)


def hold(gate: Gate, then: Action = pass_on) -> Action:
    async def act(exchange: Exchange) -> StreamResponse:
        gate.reached.set()
        await gate.opened.wait()
        return await then(exchange)

    return act


def outliving(gate: Gate) -> Action:
    """An action that reads the whole request and forwards it once the gate opens, even if the client is gone by then.
    The client gets no answer."""

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
    """A fault: `action` for the `nth` request of `operation` (`ANY` for all) for which `matches` returns True, counted
    from 1 since the rule was made; for each such request if `nth` is None."""

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
    """The rules that give each exchange its action: that of the first rule that hits, else `pass_on`."""

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
        """Return the action for the request. Every rule whose operation and `matches` fit the request counts it, also
        the rules after the one that hits."""
        hits = [rule.action for rule in self._rules if rule.hits(request)]
        return hits[0] if hits else pass_on
