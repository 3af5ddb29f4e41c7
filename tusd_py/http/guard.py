"""The first that every request meets: hosts and origins are judged before anything else is done, and the audit sees
what comes of it."""

from __future__ import annotations

from functools import partial

from aiohttp import typedefs, web

from tusd_py.domain.refusals import Forbidden, Malformed, Misdirected, Refusal, UnsupportedCoding
from tusd_py.domain.upload import parse_upload_id
from tusd_py.http.caller import about
from tusd_py.http.connection.early_close import SILENCE
from tusd_py.http.context import CODE, CONTEXT, Context
from tusd_py.http.door import PROBES
from tusd_py.http.failures import refused
from tusd_py.http.pipeline import refuse_on_wire, route_of
from tusd_py.telemetry.served import serving


@web.middleware
async def guard(request: web.Request, handler: typedefs.Handler) -> web.StreamResponse:
    context = request.app[CONTEXT]
    with serving(partial(about, request, context.trust)):
        try:
            context.door.check(request)
        except (Misdirected, Forbidden, UnsupportedCoding, Malformed) as error:
            response = await _turn_away(request, context, error)
        else:
            try:
                response = await handler(request)
            except web.HTTPException as answer:
                _audit(request, context, answer.status)
                raise
        _audit(request, context, response.status)
        return response


async def _turn_away(request: web.Request, context: Context, error: Refusal) -> web.StreamResponse:
    """In the words of where it would have gone to."""
    route = route_of(request)
    refuse = refuse_on_wire if route is None else route.refuse
    return await refuse(request, context, refused(request, context, error))


def _audit(request: web.Request, context: Context, status: int) -> None:
    """A client that left was refused nothing, nor is a probe that says no."""
    code = request.get(CODE)
    if code is None and (status < web.HTTPBadRequest.status_code or status == SILENCE or request.path in PROBES):
        return
    context.audit.refused(parse_upload_id(request.match_info.get("id", "")), status, code)
