"""One event for each request, for those who want to see them all."""

from __future__ import annotations

from aiohttp.abc import AbstractAccessLogger
from aiohttp.web import BaseRequest, StreamResponse

from tusd_py.telemetry.log import get_logger


class AccessLog(AbstractAccessLogger):
    """aiohttp's access log in our words. The path goes without its query, which may hold what is signed."""

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
