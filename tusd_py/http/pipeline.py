"""The one way of a request for uploads: admitted, handled, and every failure told in the words of its own wire."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from aiohttp import hdrs, web

from tusd_py.domain.refusals import Refusal, ServiceUnavailable, UploadLocked
from tusd_py.http.caller import caller_of
from tusd_py.http.connection.early_close import close_silently, farewell
from tusd_py.http.context import BEGUN, CALLER, CONTEXT, ENGINE, MEANT, WIRE, Context
from tusd_py.http.failures import refused
from tusd_py.http.translation import head_of, meant_method, response_of

Handler = Callable[[web.Request, Context], Awaitable[web.StreamResponse]]
Refuse = Callable[[web.Request, Context, Refusal], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Route:
    """What is done with the requests to a path, and how their refusals look."""

    handle: Handler
    refuse: Refuse
    overridden: bool = False
    """A POST may mean another method (tus 1.0, X-HTTP-Method-Override)."""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """For aiohttp's router."""
        context = request.app[CONTEXT]
        request[MEANT] = meant_method(request) if self.overridden else request.method
        try:
            caller = request[CALLER] = caller_of(request, context.trust)
            request[ENGINE] = context.engine.acting_for(caller)
            with _admitted(request, context):
                return await self.handle(request, context)
        except ConnectionError:
            return close_silently(request)  # nobody is there any more to be told anything
        except Exception as error:  # noqa: BLE001 (whatever isn't foreseen comes out of it again)
            return await self.refuse(request, context, refused(request, context, error))


def route_of(request: web.Request) -> Route | None:
    """The route that a request goes to; None for pages, probes and what isn't there."""
    route = getattr(request.match_info.handler, "__self__", None)
    return route if isinstance(route, Route) else None


def _admitted(request: web.Request, context: Context) -> AbstractContextManager[None]:
    """HEAD and OPTIONS never wait for room, nor take any: clients give up after a failed HEAD."""
    if request[MEANT] == hdrs.METH_HEAD or request.method == hdrs.METH_OPTIONS:
        return nullcontext()
    return context.admission.request(context.client(request))


async def refuse_on_wire(request: web.Request, context: Context, refusal: Refusal) -> web.StreamResponse:
    """In the protocol that the client speaks, as far as that is known."""
    head = head_of(request)
    wire = request[WIRE] if WIRE in request else context.wires.choose(head)
    if _breaks_off(request, refusal) and not wire.answers_interrupted:
        return close_silently(request)
    return await farewell(request, response_of(wire.refuse(refusal, head)))


def _breaks_off(request: web.Request, refusal: Refusal) -> bool:
    """Nothing is wrong with the request, but we can't go on with it."""
    return BEGUN in request and isinstance(refusal, ServiceUnavailable | UploadLocked)
