"""Refusals as text, `code: sentence`, and routes that refuse so: those that belong to no upload protocol."""

from __future__ import annotations

from http import HTTPStatus

from aiohttp import hdrs, web

from tusd_py.domain.refusals import MethodNotAllowed, Refusal, UploadNotFound
from tusd_py.http.connection.early_close import answer_early
from tusd_py.http.context import Context
from tusd_py.http.pipeline import Handler, Route
from tusd_py.protocol.statuses import STATUS, details


async def refuse_plainly(request: web.Request, _: Context, refusal: Refusal) -> web.StreamResponse:
    """Answer with the refusal's status, header fields and text; for `Route.refuse`."""
    headers = {hdrs.CACHE_CONTROL: "no-store", **details(refusal)}
    text = f"{refusal.code}: {refusal.message}\n"
    return await answer_early(request, web.Response(status=STATUS[type(refusal)], text=text, headers=headers))


def plain_route(**handlers: Handler) -> Route:
    """Return a route with a handler for each method, given as `GET=handler`. OPTIONS gets 204, and any other method
    raises MethodNotAllowed."""

    async def handle(request: web.Request, context: Context) -> web.StreamResponse:
        if request.method == hdrs.METH_OPTIONS:
            return web.Response(status=HTTPStatus.NO_CONTENT)  # `Cors` adds the headers
        if request.method not in handlers:
            raise MethodNotAllowed((*handlers, hdrs.METH_OPTIONS))
        return await handlers[request.method](request, context)

    return Route(handle, refuse_plainly)


async def _find_nothing(_: web.Request, __: Context) -> web.StreamResponse:
    raise UploadNotFound


ABSENT = Route(_find_nothing, refuse_plainly)
"""A route for features that are switched off: its handler raises UploadNotFound (404), for all methods."""
