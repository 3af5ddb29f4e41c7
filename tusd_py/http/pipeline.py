"""The steps of every request for uploads: it is counted against limits, its credential is checked, it is handled, and
each failure is answered in its protocol."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace

from aiohttp import hdrs, web

from tusd_py.domain.hook_refusals import HookRejected
from tusd_py.domain.refusals import Refusal, ServiceUnavailable, UploadLocked
from tusd_py.http.caller import caller_of, checked_caller
from tusd_py.http.connection.body import expect
from tusd_py.http.connection.early_close import answer_early, close_silently
from tusd_py.http.context import BODY_STARTED, CALLER, CONTEXT, EFFECTIVE_METHOD, ENGINE, WIRE, Context
from tusd_py.http.failures import record_refusal
from tusd_py.http.translation import effective_method, head_of, response_of
from tusd_py.ports.authenticator import Authenticator
from tusd_py.protocol.answers import merge_refusal
from tusd_py.telemetry.served import renew

Handler = Callable[[web.Request, Context], Awaitable[web.StreamResponse]]
Refuse = Callable[[web.Request, Context, Refusal], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Route:
    """The handler of a path's requests, and `refuse`, which answers in the path's format when the handler fails."""

    handle: Handler
    refuse: Refuse
    overridden: bool = False
    """True if a POST may mean another method (tus 1.0, X-HTTP-Method-Override)."""
    open: bool = False
    """True if the URL itself gives the right to what it serves: no credential is checked."""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Return the response to a request; the handler for aiohttp's router. A ConnectionError closes the
        connection without an answer; another error that `refusal_of` has a refusal for is answered by `refuse`.
        Raises any other.
        """
        context = request.app[CONTEXT]
        try:
            request[EFFECTIVE_METHOD] = effective_method(request) if self.overridden else request.method
            disclosed = {} if context.disclosure is None else context.disclosure.read(request, context.trust)
            request[CALLER] = caller_of(request, context.trust, disclosed)
            with _admitted(request, context):
                if context.authenticator is not None and not self.open:
                    await _identify(request, context, context.authenticator)
                request[ENGINE] = context.engine.acting_for(request[CALLER])
                return await self.handle(request, context)
        except ConnectionError:
            return close_silently(request)  # the client is gone
        except Exception as error:  # noqa: BLE001 (`record_refusal` raises what isn't foreseen)
            return await self.refuse(request, context, record_refusal(request, context, error))


def add_route(app: web.Application, method: str, path: str, route: Route) -> None:
    """Add the route for requests to `path` with the method; `*` stands for any."""
    app.router.add_route(method, path, route.answer, expect_handler=expect)


def route_of(request: web.Request) -> Route | None:
    """Return the route that a request goes to; None for the upload page, probes, preflights of direct uploads and
    unknown paths."""
    route = getattr(request.match_info.handler, "__self__", None)
    return route if isinstance(route, Route) else None


def _admitted(request: web.Request, context: Context) -> AbstractContextManager[None]:
    """Return a context that counts the request against its client's limit; HEAD and OPTIONS aren't counted, as clients
    give up after a failed HEAD. Entering it raises TooManyRequests; the call, Malformed."""
    if request[EFFECTIVE_METHOD] in {hdrs.METH_HEAD, hdrs.METH_OPTIONS}:
        return nullcontext()
    return context.concurrency.request(context.client(request))


async def _identify(request: web.Request, context: Context, authenticator: Authenticator) -> None:
    """Check the request's credential, and add its principal to the caller, or the refusal as its `denial`, which is
    raised only where a right is needed. Preflights carry no credential (Fetch standard), so OPTIONS is not checked."""
    if request.method == hdrs.METH_OPTIONS:
        return
    caller = checked_caller(request, context)
    try:
        request[CALLER] = replace(caller, principal=await authenticator.identify(caller))
    except Refusal as denial:
        request[CALLER] = replace(caller, denial=denial.with_traceback(None))
    renew()


async def refuse_in_protocol(request: web.Request, context: Context, refusal: Refusal) -> web.StreamResponse:
    """Answer with the refusal in the client's protocol: the one chosen for the request, else the one that its head
    suggests. Closes the connection without an answer if the body was interrupted and clients of the protocol expect
    that."""
    head = head_of(request)
    wire = request[WIRE] if WIRE in request else context.wires.choose(head)
    if _is_interrupted(request, refusal) and not wire.answers_interrupted:
        return close_silently(request)
    reply = wire.refuse(refusal, head)
    if isinstance(refusal, HookRejected):
        reply = merge_refusal(reply, refusal.answer)
    return await answer_early(request, response_of(reply))


def _is_interrupted(request: web.Request, refusal: Refusal) -> bool:
    """Return True if the refusal interrupts a valid request whose body has begun: the server can't go on, or another
    request took the lock."""
    return BODY_STARTED in request and isinstance(refusal, ServiceUnavailable | UploadLocked)
