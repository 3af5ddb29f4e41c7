"""The routes of jobs: GET and POST /jobs, POST /exports, GET and DELETE /jobs/{id}."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any, cast

from aiohttp import hdrs, web

from tusd_py.domain.job import EXPORT, Job, JobId
from tusd_py.domain.job_faults import BadJob, JobNotFound
from tusd_py.domain.principal import Principal
from tusd_py.domain.upload_id import UploadId, parse_upload_id
from tusd_py.http.context import CALLER, Context
from tusd_py.http.endpoint import creation_path, endpoint_url
from tusd_py.http.handlers.direct import read_json_body, respond, with_memory
from tusd_py.http.handlers.job_list import list_jobs, service_of
from tusd_py.http.handlers.job_stream import FORMATS, stream_job
from tusd_py.http.handlers.plain_refusals import plain_route
from tusd_py.http.handlers.queries import read_accept
from tusd_py.http.handlers.watching import watcher_of
from tusd_py.protocol.export_request import read_export
from tusd_py.protocol.job_messages import job_text, read_request
from tusd_py.serving.negotiation import preferred_type

_LONGEST = 64 * 1024
"""The most bytes of a request for a job."""
_LONGEST_LIST = 8 * 1024 * 1024
"""The most bytes of a request for an export: 100,000 ids have less than half of them."""
_JSON = "application/json"


async def accept(
    request: web.Request, context: Context, kind: str, args: Mapping[str, Any], upload_id: UploadId | None = None
) -> web.StreamResponse:
    """Store a new job of this kind for the caller, with arguments that were checked, and return 202 with the job as
    JSON and its URL in Location. `upload_id` is the upload to work on; None for an export.

    Raises Malformed if the request's host or a proxy's header field isn't valid, BadJob if the settings lack the kind,
    UploadNotFound if jobs are switched off, Unauthenticated, InsufficientScope or the refusal of the caller's
    credential; Locked, Superseded or StateUnavailable, after which the job may be stored, and run.
    """
    now, principal = context.engine.clock(), request[CALLER].principal or Principal(subject=None)
    site = _site(request, context)
    job = Job(
        id=JobId(secrets.token_hex(16)),
        upload_id=upload_id,
        kind=kind,
        args=args,
        owner=principal.subject,
        tenant=principal.tenant,
        sees_all=watcher_of(request, context).sees_all,
        endpoint=context.endpoint(request),
        allowance=principal.allowance.for_jobs(),
        created_at=now,
        updated_at=now,
        due_at=now,
    )
    stored = await service_of(context).submit(job)
    response = respond(202, job_text(stored), _JSON)
    response.headers[hdrs.LOCATION] = f"{site}jobs/{stored.id}"
    return response


async def _submit(request: web.Request, context: Context) -> web.StreamResponse:
    service, watcher = service_of(context), watcher_of(request, context)
    order = read_request(await read_json_body(request, context, _LONGEST))
    if order.kind == EXPORT:
        raise BadJob("exports are made by POST /exports")
    args = service.kind(order.kind).check(order.args)
    await service.check_upload(order.upload_id, watcher)
    return await accept(request, context, order.kind, args, order.upload_id)


async def _show(request: web.Request, context: Context) -> web.StreamResponse:
    job = await _job(request, context)
    form = FORMATS.get(preferred_type(read_accept(request), (_JSON, *FORMATS)) or _JSON)
    return respond(200, job_text(job), _JSON) if form is None else await stream_job(request, context, job, form)


async def _cancel(request: web.Request, context: Context) -> web.StreamResponse:
    await service_of(context).cancel(await _job(request, context), watcher_of(request, context))
    return web.Response(status=204)


async def _job(request: web.Request, context: Context) -> Job:
    """Return the job with the id in the path. Raises JobNotFound, also if the caller may not see it; UploadNotFound if
    jobs are switched off; StateUnavailable; and the same as `watcher_of`.
    """
    service, watcher = service_of(context), watcher_of(request, context)
    job_id = parse_upload_id(request.match_info["id"])
    if job_id is None:
        raise JobNotFound
    return await service.job(JobId(job_id), watcher)


def _site(request: web.Request, context: Context) -> str:
    """Return the URL of this server as the client sees it, to which paths such as `jobs/{id}` are added; a slash is at
    its end. Raises Malformed."""
    endpoint, path = context.endpoint(request), creation_path(request)
    mount = cast(web.Resource, request.match_info.route.resource).canonical.rpartition("/")[0]
    if endpoint.endswith(path):
        return f"{endpoint.removesuffix(path)}{mount}/"
    return endpoint_url(request, f"{mount}/", public=None, trust=context.trust)


async def _export(request: web.Request, context: Context) -> web.StreamResponse:
    service_of(context)
    watcher_of(request, context)
    return await accept(request, context, EXPORT, read_export(await read_json_body(request, context, _LONGEST_LIST)))


JOBS = plain_route(GET=list_jobs, POST=with_memory(_submit))
EXPORTS = plain_route(POST=with_memory(_export))
JOB = plain_route(GET=_show, DELETE=_cancel)
