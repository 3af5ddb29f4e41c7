"""The outermost middleware: before a request's handler runs, it does the first checks (`RequestFilter.check`: host,
origin, transfer coding). It wraps the answer in a span, except for health checks and on servers that make no spans, and
records refusals in the audit log."""

from __future__ import annotations

from functools import partial

from aiohttp import typedefs, web

from tusd_py.domain.refusals import Forbidden, Malformed, Misdirected, Refusal, UnsupportedCoding
from tusd_py.domain.upload_id import parse_upload_id
from tusd_py.http.caller import log_fields
from tusd_py.http.connection.early_close import CLIENT_CLOSED
from tusd_py.http.context import CODE, CONTEXT, Context
from tusd_py.http.failures import record_refusal
from tusd_py.http.pipeline import refuse_in_protocol, route_of
from tusd_py.http.request_filter import PROBES
from tusd_py.http.spans import answer_in_span
from tusd_py.telemetry.access import LOG_FIELDS
from tusd_py.telemetry.served import GetFields, serving


@web.middleware
async def filter_requests(request: web.Request, handler: typedefs.Handler) -> web.StreamResponse:
    context = request.app[CONTEXT]
    fields: GetFields = partial(log_fields, request, context.trust)
    request[LOG_FIELDS] = fields
    answer = partial(_answer, request, context, handler)
    with serving(fields):
        if context.tracing is None or request.path in PROBES:
            return await answer()
        return await answer_in_span(request, context.tracing, answer)


async def _answer(request: web.Request, context: Context, handler: typedefs.Handler) -> web.StreamResponse:
    try:
        context.request_filter.check(request)
    except (Misdirected, Forbidden, UnsupportedCoding, Malformed) as error:
        response = await _refuse_request(request, context, error)
    else:
        try:
            response = await handler(request)
        except web.HTTPException as answer:
            _audit(request, context, answer.status)
            raise
    _audit(request, context, response.status)
    return response


async def _refuse_request(request: web.Request, context: Context, error: Refusal) -> web.StreamResponse:
    """Answer with the refusal, in the format of the route that the request would have reached; without such a `Route`,
    as for probes and unknown paths, in the client's protocol."""
    route = route_of(request)
    refuse = refuse_in_protocol if route is None else route.refuse
    return await refuse(request, context, record_refusal(request, context, error))


def _audit(request: web.Request, context: Context, status: int) -> None:
    """Log the request to the audit if it was refused: by a refusal with a code or, without a code, by a status
    from 400 up, except 499 (the client disconnected) and any status of /healthz and /readyz.
    """
    code = request.get(CODE)
    if code is None and (status < web.HTTPBadRequest.status_code or status == CLIENT_CLOSED or request.path in PROBES):
        return
    context.audit.refused(parse_upload_id(request.match_info.get("id", "")), status, code)
