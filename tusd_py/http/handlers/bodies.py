"""The receipt of a body, the same for all protocols: it is counted against the limits of concurrent bodies, in metrics
and against the memory budget, and if it was cut, the request is answered or its connection closed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import web

from tusd_py.domain import refusals
from tusd_py.domain.refusals import Refusal
from tusd_py.http.connection.body import RequestBody
from tusd_py.http.connection.early_close import answer_early, close_silently
from tusd_py.http.context import WIRE, Context
from tusd_py.http.translation import response_of
from tusd_py.ports.body import BodyEnd
from tusd_py.protocol.wire import RequestHead


@contextmanager
def receiving(request: web.Request, context: Context, body: RequestBody) -> Iterator[None]:
    """Count the body against the limits of concurrent bodies and in metrics, and charge its overhead to the memory
    budget, while the context lasts. Raises TooManyRequests, ServiceUnavailable, Malformed.
    """
    with (
        context.concurrency.upload(context.client(request), body),
        context.metrics.receiving(),
        context.memory.overhead.charge_body(),
    ):
        yield


async def answer_cut(
    request: web.Request, context: Context, head: RequestHead, body: RequestBody
) -> web.StreamResponse:
    """Answer a request whose body ended too early. If the server stopped the body and the request's protocol has
    an answer for that, answer with ServiceUnavailable at a shutdown, else with UploadLocked, as another request
    wants the upload's lock, or the lease is lost. In all other cases close the connection: a silent client gets no
    408.
    """
    wire = request[WIRE]
    if body.end is BodyEnd.STOPPED and wire.answers_interrupted:
        refusal: Refusal = refusals.ServiceUnavailable("the server is restarting; try again soon")
        if not context.concurrency.closed:
            refusal = refusals.UploadLocked("another request took over this upload")
        return await answer_early(request, response_of(wire.refuse(refusal, head)))
    return close_silently(request)
