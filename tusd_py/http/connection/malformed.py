"""Requests that are no HTTP: answered in our words and counted; what they held is never sent back or logged."""

from __future__ import annotations

from http import HTTPStatus

from aiohttp import hdrs, web

from tusd_py.http.context import Context
from tusd_py.telemetry.log import get_logger
from tusd_py.telemetry.seldom import Seldom

CODE = "malformed-request"
_TEXT = f"{CODE}: this is no HTTP request that the server can read\n"
_log, _seldom = get_logger("tusd_py.http"), Seldom()


def refuse(context: Context, error: BaseException, request: web.BaseRequest, size: int) -> web.Response:
    """The answer to `size` bytes that couldn't be read, because of `error`; the connection ends with it."""
    context.metrics.failed(CODE)
    if (passed_over := _seldom.allowed()) is not None:
        more = {"and_others": passed_over} if passed_over else {}
        _log.info(CODE, error=type(error).__name__, bytes=size, remote=request.remote, **more)
    return bare(context, HTTPStatus.BAD_REQUEST, _TEXT)


def bare(context: Context, status: int, text: str) -> web.Response:
    """An answer to what is no request yet, with the headers of every answer."""
    context.metrics.answered("", status)
    headers = {hdrs.SERVER: "tusd-py", "X-Content-Type-Options": "nosniff"}
    response = web.Response(status=status, text=text, headers=headers)
    response.force_close()
    return response
