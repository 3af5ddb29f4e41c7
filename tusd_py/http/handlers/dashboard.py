"""GET /dashboard, and POST of its forms, which terminate an upload, cancel a job, or retry an event."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping
from contextlib import closing, nullcontext, suppress
from dataclasses import replace
from http import HTTPStatus
from urllib.parse import parse_qs

from aiohttp import hdrs, web

from tusd_py.domain.access_refusals import BadToken
from tusd_py.domain.errors import StateUnavailable, Unavailable
from tusd_py.domain.event_json import decode_event
from tusd_py.domain.job import JobId
from tusd_py.domain.job_faults import JobEnded
from tusd_py.domain.live_refusals import TerminationDisabled
from tusd_py.domain.refusals import CrossSite, UploadNotFound
from tusd_py.domain.rights import Rights, Watcher
from tusd_py.domain.upload import Upload
from tusd_py.engine.terminate import terminate
from tusd_py.http.connection.body_stream import BodyStream
from tusd_py.http.context import CALLER, ENGINE, Context
from tusd_py.http.dashboard.board import Board, Viewer
from tusd_py.http.dashboard.form_tokens import FormTokens
from tusd_py.http.dashboard.items import Forms, action_of
from tusd_py.http.endpoint import client_prefix, origin
from tusd_py.http.failures import record_refusal
from tusd_py.http.handlers.direct import read_body, upload_id_of
from tusd_py.http.handlers.plain_refusals import plain_route
from tusd_py.http.handlers.queries import read_flag
from tusd_py.http.handlers.watching import counted, watcher_of
from tusd_py.http.pipeline import add_route
from tusd_py.ports.outbox import DeliveryState

_NONCE_BYTES = 16
_LONGEST_FORM = 8192
"""The most bytes of a form's body."""
_MAX_FIELDS = 10
_POLICY = "default-src 'none'; style-src 'nonce-{}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
_HEADERS = {
    hdrs.CONTENT_TYPE: "text/html; charset=utf-8",
    hdrs.CACHE_CONTROL: "no-store",
    "X-Accel-Buffering": "no",
    "Referrer-Policy": "same-origin",  # without any, browsers send forms with `Origin: null`
}
Action = Callable[[web.Request, Context], Awaitable[None]]


def add_dashboard(app: web.Application) -> None:
    """Add the routes of the page and of its forms."""
    add_route(app, "*", "/dashboard", plain_route(GET=_show))
    for path, action in _ACTIONS.items():
        add_route(app, "*", f"/dashboard/{path}", plain_route(POST=_form(action)))


async def _show(request: web.Request, context: Context) -> web.StreamResponse:
    viewer = await _viewer(request, context)
    follow = read_flag(request, "follow", default=True)
    headers = {**_HEADERS, "Content-Security-Policy": _POLICY.format(viewer.nonce)}
    with (
        counted(request, context) if follow else nullcontext(),
        closing(BodyStream(request, web.StreamResponse(headers=headers), context.network_timeout)) as body,
    ):
        try:
            await Board(context, viewer, body).run(follow=follow)
        except Unavailable as error:
            record_refusal(request, context, error)
            await body.break_off(b"")
        return body.response


async def _viewer(request: web.Request, context: Context) -> Viewer:
    watcher = watcher_of(request, context)
    tokens, principal, now = await _tokens(context), request[CALLER].principal, context.engine.clock()
    return Viewer(
        watcher=watcher,
        forms=Forms(
            page=_page_path(request, context),
            tokens={name: tokens.token(name, principal, now) for name in map(action_of, _ACTIONS)},
            terminates=context.engine.limits.termination,
            terminates_finished=context.engine.limits.terminates_finished,
            cancels=context.cancel_job is not None,
            cancels_required=watcher.sees_all,
        ),
        endpoint=context.endpoint(request),
        nonce=secrets.token_urlsafe(_NONCE_BYTES),
    )


async def _tokens(context: Context) -> FormTokens:
    installation = await context.engine.state.installation()
    if installation is None:
        raise StateUnavailable("it belongs to no installation yet")
    return FormTokens(installation.id)


def _form(act: Action) -> Callable[[web.Request, Context], Awaitable[web.StreamResponse]]:
    """Return the handler of a form: it checks the sending page, the caller's rights and the form's token, then
    runs `act` and redirects to the page."""

    async def handle(request: web.Request, context: Context) -> web.StreamResponse:
        _check_site(request, context)
        watcher_of(request, context)
        await _check_token(request, context)
        await act(request, context)
        return web.Response(status=HTTPStatus.SEE_OTHER, headers={hdrs.LOCATION: _page_path(request, context)})

    return handle


def _check_site(request: web.Request, context: Context) -> None:
    """Raise CrossSite if the request says (Origin, Sec-Fetch-Site) that a page of another origin or site sent the form;
    Malformed if it has an Origin, and the server's own can't be told from it.
    """
    page_origin = request.headers.get(hdrs.ORIGIN)
    foreign = page_origin is not None and page_origin != origin(request, context.trust)
    if foreign or request.headers.get("Sec-Fetch-Site") == "cross-site":
        raise CrossSite


async def _check_token(request: web.Request, context: Context) -> None:
    """Raise BadToken if the form's token isn't valid for its action and the caller. Reads the body; raises what
    `read_body` raises, StateUnavailable."""
    body = await read_body(request, context, _LONGEST_FORM)
    fields = dict[str, list[str]]()
    with suppress(ValueError):
        fields = parse_qs(body.decode("ascii", "replace"), max_num_fields=_MAX_FIELDS)
    tokens, now = await _tokens(context), context.engine.clock()
    token, action = fields.get("token", [""])[0], action_of(request.path)
    if not tokens.check(token, action, request[CALLER].principal, now):
        raise BadToken


def _page_path(request: web.Request, context: Context) -> str:
    """Return the path of the dashboard as the client sees it, with the prefix that a trusted proxy reports, or that an
    application adds in which this one is mounted. Raises Malformed."""
    path = request.path if request.method == hdrs.METH_GET else request.path.rsplit("/", 3)[0]
    return client_prefix(request, context.trust) + path


async def _terminate(request: web.Request, context: Context) -> None:
    upload = await context.engine.state.load(upload_id_of(request))
    if upload is None or not watcher_of(request, context).sees(upload.owner, upload.tenant):
        raise UploadNotFound
    if not context.engine.limits.termination:
        raise TerminationDisabled
    await terminate(replace(request[ENGINE], rights=Rights()), upload.id)


async def _cancel(request: web.Request, context: Context) -> None:
    job = await context.engine.state.jobs.load(JobId(request.match_info["id"]))
    watcher = watcher_of(request, context)
    if context.cancel_job is None or job is None or not watcher.sees(job.owner, job.tenant):
        raise UploadNotFound
    with suppress(JobEnded):
        await context.cancel_job(job, watcher)


def _sees(watcher: Watcher, upload: Upload) -> bool:
    return watcher.sees(upload.owner, upload.tenant)


async def _retry(request: web.Request, context: Context) -> None:
    outbox, watcher = context.engine.state.outbox, watcher_of(request, context)
    deliveries = [] if outbox is None else await outbox.deliveries(request.match_info["id"])
    own = [row for row in deliveries if _sees(watcher, decode_event(row.type, row.document).upload)]
    if outbox is None or not own:
        raise UploadNotFound
    await outbox.restart([row for row in own if row.state is DeliveryState.DEAD], context.engine.clock())


_ACTIONS: Mapping[str, Action] = {
    "uploads/{id}/terminate": _terminate,
    "jobs/{id}/cancel": _cancel,
    "events/{id}/retry": _retry,
}
"""The actions of the forms, by their paths below that of the page."""
