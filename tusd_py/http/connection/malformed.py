"""Requests that are no valid HTTP: they are refused, counted and logged, but their content is never sent back or
logged."""

from __future__ import annotations

from http import HTTPStatus

from aiohttp import hdrs, web

from tusd_py.http.context import Context
from tusd_py.telemetry.log import get_logger
from tusd_py.telemetry.throttle import LogThrottle

CODE = "malformed-request"
_TEXT = f"{CODE}: this is no HTTP request that the server can read\n"
_log, _throttle = get_logger("tusd_py.http"), LogThrottle()


def refuse(context: Context, error: BaseException, request: web.BaseRequest, size: int) -> web.Response:
    """Return 400 for a request that is no valid HTTP because of `error`. It is counted, and logged (throttled) with the
    type of `error` and with `size`, the bytes that came of it; the connection is closed after the response."""
    context.metrics.failed(CODE)
    if (passed_over := _throttle.allowed()) is not None:
        extra = {"and_others": passed_over} if passed_over else {}
        _log.info(CODE, error=type(error).__name__, bytes=size, remote=request.remote, **extra)
    return minimal_response(context, HTTPStatus.BAD_REQUEST, _TEXT)


def minimal_response(context: Context, status: int, text: str) -> web.Response:
    """Return a response that needs no parsed request, for malformed, too long or too slow heads: with Server,
    X-Content-Type-Options and, if `status` is 503, Retry-After; counted without a method. The connection is closed
    after it."""
    context.metrics.answered("", status)
    headers = {hdrs.SERVER: "tusd-py", "X-Content-Type-Options": "nosniff"}
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers[hdrs.RETRY_AFTER] = "5"
    response = web.Response(status=status, text=text, headers=headers)
    response.force_close()
    return response
