"""The first that every request meets: hosts and origins are judged before anything else is done."""

from __future__ import annotations

from aiohttp import typedefs, web

from tusd_py.http.context import CONTEXT
from tusd_py.http.farewell import farewell
from tusd_py.protocol.refusals import Forbidden, Malformed, Misdirected, Refusal
from tusd_py.protocol.statuses import STATUS


@web.middleware
async def guard(request: web.Request, handler: typedefs.Handler) -> web.StreamResponse:
    context = request.app[CONTEXT]
    try:
        context.door.check(request)
    except (Misdirected, Forbidden, Malformed) as refusal:
        context.metrics.failed(refusal.code)
        return await farewell(request, _refused(refusal))
    return await handler(request)


def _refused(refusal: Refusal) -> web.Response:
    return web.Response(status=STATUS[type(refusal)], text=f"{refusal.code}: {refusal.message}\n")
