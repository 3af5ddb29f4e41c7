"""The access log: one event for each request, if the setting log-access is on."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web
from aiohttp.abc import AbstractAccessLogger
from aiohttp.web import BaseRequest, StreamResponse

from tusd_py.telemetry.log import get_logger
from tusd_py.telemetry.served import GetFields

LOG_FIELDS = web.RequestKey[GetFields]("log_fields")
"""The key under which a request holds the function that returns the fields of its log lines: the one that
`served.serving` takes."""
_ADDED = ("owner", "trace_id", "span_id")


class AccessLog(AbstractAccessLogger):
    """The access logger for aiohttp. It logs the path without its query, which may hold a signature."""

    def log(self, request: BaseRequest, response: StreamResponse, time: float) -> None:
        get_logger("tusd_py.access").info(
            "request",
            method=request.method,
            path=request.path,
            status=response.status,
            sent=response.body_length,
            seconds=round(time, 4),
            remote=request.remote,
            request_id=response.headers.get("X-Request-ID"),
            **_added(request),
        )


def _added(request: BaseRequest) -> Mapping[str, str]:
    """Return the caller's subject (as `owner`), the trace id and the span id by field name; each only if the request's
    other log lines have it."""
    fields = request[LOG_FIELDS]() if LOG_FIELDS in request else {}
    return {name: fields[name] for name in _ADDED if name in fields}
