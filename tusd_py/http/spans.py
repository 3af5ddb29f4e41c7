"""The span of a request, for servers that make spans."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from aiohttp import web

from tusd_py.domain.upload_id import parse_upload_id
from tusd_py.http.connection.early_close import CLIENT_CLOSED
from tusd_py.http.context import CODE, SPAN
from tusd_py.telemetry.metrics import known_method

if TYPE_CHECKING:
    from tusd_py.telemetry.tracing import RequestSpan, Tracing  # OpenTelemetry takes a while to import


async def answer_in_span(
    request: web.Request, tracing: Tracing, answer: Callable[[], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Return the response that `answer` makes, within a span of the request that records its status, refusal or error;
    raises what `answer` raises."""
    method = request.method if known_method(request.method) == request.method else None
    with tracing.serving(method, _route(request), request.headers) as span:
        request[SPAN] = span.trace
        if (upload_id := parse_upload_id(request.match_info.get("id", ""))) is not None:
            span.name_upload(upload_id)
        try:
            response = await answer()
        except web.HTTPException as refusal:
            _end(request, span, refusal.status)
            raise
        except Exception as error:
            span.failed(error)
            raise
        _end(request, span, response.status)
        return response


def _end(request: web.Request, span: RequestSpan, status: int) -> None:
    if status == CLIENT_CLOSED:
        span.record_leave()
    else:
        span.answered(status, request.get(CODE))


def _route(request: web.Request) -> str | None:
    """Return the route's pattern; None if no route serves the path with this method. The path itself would name an
    upload."""
    resource = request.match_info.route.resource
    return None if resource is None else resource.canonical
