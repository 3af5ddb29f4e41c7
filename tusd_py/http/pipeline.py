"""The steps of every request to a `Route`: it is counted against its client's limit, its credential is checked, it is
handled, and a refusal is answered in the format of the route."""

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
    """A handler of the requests to a path, and `refuse`, which answers a request in the path's format if the handler,
    or a check before it, fails."""

    handle: Handler
    refuse: Refuse
    overridden: bool = False
    """True if a POST may mean another method (tus 1.0, X-HTTP-Method-Override)."""
    open: bool = False
    """True if the URL itself gives the right to what it serves: no credential is checked."""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Return the response to a request; the handler for aiohttp's router. A ConnectionError closes the
        connection without an answer. A Refusal, or an error of the engine that stands for one (Locked, Superseded,
        UploadSpoiled, UploadLost, Unavailable), is answered by `refuse`. Raises any other.
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
    """Return the route that a request goes to; None for the upload page, probes, preflights of direct uploads, unknown
    paths, and methods that a path doesn't serve."""
    route = getattr(request.match_info.handler, "__self__", None)
    return route if isinstance(route, Route) else None


def _admitted(request: web.Request, context: Context) -> AbstractContextManager[None]:
    """Return a context that counts the request among its client's requests at a time; HEAD and OPTIONS aren't counted,
    as clients give up after a failed HEAD. Entering the context raises TooManyRequests if the client has as many as it
    may; the call raises Malformed if a proxy's header field is too long."""
    if request[EFFECTIVE_METHOD] in {hdrs.METH_HEAD, hdrs.METH_OPTIONS}:
        return nullcontext()
    return context.concurrency.request(context.client(request))


async def _identify(request: web.Request, context: Context, authenticator: Authenticator) -> None:
    """Check the request's credential, and add to the caller in the request its principal (None without a credential),
    or as `denial` the refusal of the credential, which is raised only where a right is needed. Preflights carry no
    credential (Fetch standard), so OPTIONS is not checked."""
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
    suggests. Closes the connection without an answer if the refusal breaks off a request whose body has begun, through
    no fault of the client, and clients of the protocol expect that."""
    head = head_of(request)
    wire = request[WIRE] if WIRE in request else context.wires.choose(head)
    if _is_interrupted(request, refusal) and not wire.answers_interrupted:
        return close_silently(request)
    reply = wire.refuse(refusal, head)
    if isinstance(refusal, HookRejected):
        reply = merge_refusal(reply, refusal.answer)
    return await answer_early(request, response_of(reply))


def _is_interrupted(request: web.Request, refusal: Refusal) -> bool:
    """Return True if bytes of the body were received, and the refusal is one that isn't due to the request:
    ServiceUnavailable or UploadLocked."""
    return BODY_STARTED in request and isinstance(refusal, ServiceUnavailable | UploadLocked)
