"""The routes of all URLs but the probes and the upload page, and the header fields of every response."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from http import HTTPStatus

from aiohttp import hdrs, web

from tusd_py.http.connection.body import expect
from tusd_py.http.context import CONTEXT, EFFECTIVE_METHOD, WIRE
from tusd_py.http.endpoint import CREATION, request_id
from tusd_py.http.handlers.companion import add_companion_routes
from tusd_py.http.handlers.feed import FEED
from tusd_py.http.handlers.jobs import EXPORTS, JOB, JOBS
from tusd_py.http.handlers.live import STATUS, STATUS_TAIL
from tusd_py.http.handlers.live_events import EVENTS, EVENTS_TAIL
from tusd_py.http.handlers.live_socket import SOCKET, SOCKET_TAIL
from tusd_py.http.handlers.plain_refusals import ABSENT
from tusd_py.http.handlers.probes import is_probe
from tusd_py.http.handlers.readers import READERS
from tusd_py.http.handlers.s3xml import add_xml_routes
from tusd_py.http.handlers.tokens import TOKENS
from tusd_py.http.handlers.upload_list import UPLOAD_LIST
from tusd_py.http.handlers.uploads import UPLOADS
from tusd_py.http.pipeline import Route, add_route
from tusd_py.protocol.tus import Tus

_WATCHED: Mapping[str, tuple[str, Route]] = {
    "/events": ("live", FEED),
    "/uploads": ("listing", UPLOAD_LIST),
    "/exports": ("jobs", EXPORTS),
    "/jobs": ("jobs", JOBS),
    "/jobs/{id}": ("jobs", JOB),
    "/dashboard": ("dashboard", ABSENT),
    "/dashboard/{path:.+}": ("dashboard", ABSENT),
}
"""The routes of lists, feeds, jobs, exports and the dashboard, by path: the feature that switches one on (in `on` of
`add_routes`), and the route. Those of the dashboard answer 404: the paths that it serves get their routes before
(`add_dashboard`)."""


_OF_ONE: Mapping[str, Route] = {EVENTS_TAIL: EVENTS, STATUS_TAIL: STATUS, SOCKET_TAIL: SOCKET}
"""The routes that tell of one upload, by the end of their path after the upload's URL."""
_ID = r"{id:(?!read/|s3/).+}"
"""The pattern of the end of a path that is an upload's id or name: it may contain slashes, and doesn't begin with
`read/` or `s3/`, which other routes have."""


def add_routes(app: web.Application, base_path: str, on: Collection[str] = ()) -> None:
    """Add the routes of uploads, below `base_path`, which ends with a slash, and of the features that `on` names:
    `tokens`, `direct` (uploads), `live`, `listing`, `jobs` and `dashboard`.

    If the application has the probes' routes, they must be added before: with base path `/`, requests to probes would
    be taken for uploads'.
    """
    if "tokens" in on:
        add_route(app, "*", "/tokens", TOKENS)
    if "dashboard" in on:
        from tusd_py.http.handlers.dashboard import add_dashboard  # noqa: PLC0415  an extra

        add_dashboard(app)
    _add_watched(app, base_path, on)
    for above in sorted({"/", base_path}) if "direct" in on else ():
        add_direct_routes(app, f"{above}s3/")
    add_route(app, "*", f"{base_path}read/{{name}}", READERS)
    for tail, route in _OF_ONE.items() if "live" in on else ():
        add_route(app, "*", f"{base_path}{_ID}{tail}", route)
    app[CREATION] = app.router.add_resource(base_path)
    app[CREATION].add_route("*", UPLOADS.answer, expect_handler=expect)
    if slashless := base_path.rstrip("/"):
        add_route(app, "*", slashless, UPLOADS)
    for tail in ("{id}", "{id}/", _ID):
        add_route(app, "*", base_path + tail, UPLOADS)


def _add_watched(app: web.Application, base_path: str, on: Collection[str]) -> None:
    """Add the routes of lists, feeds, jobs and exports (`_WATCHED`) whose feature is in `on`. The paths of other
    features get a route that answers 404, except the base path and paths below it, which may be an upload's."""
    for path, (name, route) in _WATCHED.items():
        if name in on or not f"{path}/".startswith(base_path):
            add_route(app, "*", path, route if name in on else ABSENT)


def add_direct_routes(app: web.Application, path: str) -> None:
    """Add the routes of direct uploads below `path`, which ends with a slash: `s3/` below the base path, whose requests
    proxies pass to this server anyway, or `/s3/`, to which Companion's clients send requests."""
    add_companion_routes(app, path)
    add_xml_routes(app, path)
    app.router.add_route("OPTIONS", f"{path}{{path:.+}}", _preflight)


async def _preflight(_: web.Request) -> web.Response:
    """Answer a preflight; `Cors` adds the headers."""
    return web.Response(status=204)


async def decorate(request: web.Request, response: web.StreamResponse) -> None:
    """Add the header fields that responses have in common: Server, X-Content-Type-Options, the request's X-Request-ID,
    those of its protocol (tus if none was chosen; none for OPTIONS), and those of CORS (not for probes). Count the
    response in metrics. A handler for `on_response_prepare`, so that aiohttp's own errors are included. If the request
    had Upgrade and isn't answered by 101, end the connection after the response."""
    context = request.app[CONTEXT]
    response.headers[hdrs.SERVER] = "tusd-py"
    response.headers["X-Content-Type-Options"] = "nosniff"
    if hdrs.UPGRADE in request.headers and response.status != HTTPStatus.SWITCHING_PROTOCOLS:
        _end_connection(response)
    method = request.get(EFFECTIVE_METHOD, request.method)
    if method != hdrs.METH_OPTIONS:
        response.headers.update(request[WIRE].common_headers if WIRE in request else Tus.common_headers)
    if (sent_id := request_id(request)) is not None:
        response.headers["X-Request-ID"] = sent_id
    if context.cors is not None and not is_probe(request):
        await context.cors.decorate(request, response)
    context.metrics.answered(method, response.status)


def _end_connection(response: web.StreamResponse) -> None:
    """Close the connection after the response, and announce that in it: aiohttp drops what follows a request with
    Upgrade (RFC 9112, 9.6)."""
    response.force_close()
    response.headers[hdrs.CONNECTION] = "close"
