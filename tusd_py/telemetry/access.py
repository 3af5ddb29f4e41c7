"""The access log: one event for each request, with the setting log-access."""

from __future__ import annotations

from aiohttp.abc import AbstractAccessLogger
from aiohttp.web import BaseRequest, StreamResponse

from tusd_py.telemetry.log import get_logger


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
        )
