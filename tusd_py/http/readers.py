"""GET and HEAD of a link that gives a finished upload to readers. Nothing else can be done with it."""

from __future__ import annotations

from aiohttp import hdrs, web

from tusd_py.http.context import CONTEXT, WIRE, Context
from tusd_py.http.downloads import download
from tusd_py.http.failures import refused
from tusd_py.http.farewell import close_silently, farewell
from tusd_py.http.translation import head_of, response_of
from tusd_py.http.uploads import admitted
from tusd_py.protocol.refusals import MethodNotAllowed
from tusd_py.protocol.wire import RequestHead

_METHODS = (hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_OPTIONS)


async def handle(request: web.Request) -> web.StreamResponse:
    """Any request to a link."""
    context = request.app[CONTEXT]
    if request.method == hdrs.METH_OPTIONS:
        return web.Response(status=204, headers={hdrs.ALLOW: ", ".join(_METHODS)})
    head = head_of(request)
    wire = request[WIRE] = context.wires.choose(head)
    try:
        with admitted(request, context, head):
            return await _read(request, context, head)
    except ConnectionError:
        return close_silently(request)
    except Exception as error:  # noqa: BLE001 (whatever isn't foreseen comes out of it again)
        refusal = refused(request, context, error)
        return await farewell(request, response_of(wire.refuse(refusal, head)))


async def _read(request: web.Request, context: Context, head: RequestHead) -> web.StreamResponse:
    if request.method not in _METHODS or not context.ports.limits.downloads:
        raise MethodNotAllowed(_METHODS)
    upload_id = await context.links.named(request.match_info["name"])
    return await download(request, context, head, upload_id, redirect=context.links.redirects)
