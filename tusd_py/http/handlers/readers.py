"""GET and HEAD of reading links, which give the right to read one finished upload, and no other right."""

from __future__ import annotations

from aiohttp import hdrs, web

from tusd_py.domain.intents import Read
from tusd_py.domain.refusals import MethodNotAllowed
from tusd_py.http.context import WIRE, Context
from tusd_py.http.handlers.downloads import download
from tusd_py.http.pipeline import Route, refuse_in_protocol
from tusd_py.http.translation import head_of

_METHODS = (hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_OPTIONS)


async def _read(request: web.Request, context: Context) -> web.StreamResponse:
    """Answer GET and HEAD with the finished upload that a reading link names, and OPTIONS with the allowed methods.
    Raises MethodNotAllowed for other methods, and for GET and HEAD if downloads are off; UploadNotFound, and what
    `download` raises."""
    if request.method == hdrs.METH_OPTIONS:
        return web.Response(status=204, headers={hdrs.ALLOW: ", ".join(_METHODS)})
    head = head_of(request)
    request[WIRE] = context.wires.choose(head)
    if request.method not in _METHODS or not context.engine.limits.downloads:
        raise MethodNotAllowed(_METHODS)
    upload_id = await context.links.upload_id(request.match_info["name"])
    return await download(request, context, head, upload_id, Read(linked=True), redirect=context.links.redirects)


READERS = Route(_read, refuse_in_protocol, open=True)
