"""Which URL is whose, and what every response carries."""

from __future__ import annotations

import re

from aiohttp import hdrs, web

from tusd_py.http import probes, uploads
from tusd_py.http.body import expect
from tusd_py.http.context import CONTEXT, WIRE
from tusd_py.protocol.tus import Tus

_REQUEST_ID = re.compile(r"[\x21-\x7e]{1,128}")


def add_routes(app: web.Application, base_path: str) -> None:
    """The probes first: with base path `/` they would look like uploads."""
    app.router.add_get("/healthz", probes.healthz)
    app.router.add_get("/readyz", probes.readyz)
    app.router.add_get("/metrics", probes.metrics)
    for path in sorted({base_path, base_path.rstrip("/") or "/"}):
        app.router.add_route("*", path, uploads.handle, expect_handler=expect)
    for tail in ("{id}", "{id}/"):
        app.router.add_route("*", base_path + tail, uploads.handle, expect_handler=expect)


async def decorate(request: web.Request, response: web.StreamResponse) -> None:
    """For `on_response_prepare`: errors of the framework get the same headers as our own answers."""
    context = request.app[CONTEXT]
    response.headers[hdrs.SERVER] = "tusd-py"
    if request.method != hdrs.METH_OPTIONS:
        response.headers.update(request[WIRE].marks if WIRE in request else Tus.marks)
    if _REQUEST_ID.fullmatch(told := request.headers.get("X-Request-ID", "")):
        response.headers["X-Request-ID"] = told
    if context.cors is not None:
        await context.cors.decorate(request, response)
    context.metrics.answered(request.method, response.status)
