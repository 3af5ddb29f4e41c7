"""GET /jobs: the jobs that a caller may see, oldest first."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass, replace

from aiohttp import hdrs, web

from tusd_py.domain.errors import Unavailable
from tusd_py.domain.job import Job, JobId
from tusd_py.domain.refusals import BadQuery, UploadNotFound
from tusd_py.domain.rights import Watcher
from tusd_py.domain.thresholds import DEFAULT
from tusd_py.domain.upload_id import UploadId, parse_upload_id
from tusd_py.http.connection.body_stream import BodyStream
from tusd_py.http.context import Context
from tusd_py.http.failures import record_refusal
from tusd_py.http.handlers.queries import read_list_format, read_number
from tusd_py.http.handlers.watching import watcher_of
from tusd_py.jobs.service import JobService
from tusd_py.ports.jobs import JobSelection, JobStore
from tusd_py.protocol.job_object import job_object
from tusd_py.protocol.listing import JSON, NDJSON, ListFormat

_JSON = replace(JSON, head=b'{"jobs":[')
_FORMATS = {"ndjson": NDJSON, "json": _JSON}
_JSON_ROWS = 1000
"""Rows of a JSON list at most: clients read it as a whole."""
_PAGE = 10
"""The most jobs that are read at a time; fewer are read if their records reach `Thresholds.page_size` characters."""
_START = "0"
"""The cursor of a list from its beginning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Query:
    watcher: Watcher
    selection: JobSelection
    since: JobId | None
    limit: int | None
    """Rows at most; None for no limit."""


def service_of(context: Context) -> JobService:
    """Return the use cases of jobs. Raises UploadNotFound if jobs are switched off."""
    if context.jobs is None:
        raise UploadNotFound
    return context.jobs


async def list_jobs(request: web.Request, context: Context) -> web.StreamResponse:
    """Send the jobs that the caller may see and the query selects, in the format that the request asks for. No more
    than a page of jobs (`_PAGE`) is in memory at a time. If the state becomes unavailable once the response has begun,
    break the response off. Raises UploadNotFound if jobs are switched off, BadQuery, StateUnavailable, ConnectionError,
    and what `watcher_of` raises."""
    store, form = service_of(context).store, read_list_format(request, _FORMATS)
    size = context.engine.thresholds.page_size
    query = _read(request, context, form)
    headers = {
        hdrs.CONTENT_TYPE: form.content_type,
        hdrs.CACHE_CONTROL: "no-store",
        hdrs.VARY: hdrs.ACCEPT,
        "X-Accel-Buffering": "no",
    }
    last, count = query.since, 0
    with closing(BodyStream(request, web.StreamResponse(headers=headers), context.network_timeout)) as body:
        try:
            async for job in _jobs(query, store, size):
                await body.send((form.separator if count else form.head) + form.row(job_object(job)))
                last, count = job.id, count + 1
            await body.send((b"" if count else form.head) + form.end(_cursor(last), count))
        except Unavailable as error:
            if not body.started:
                raise
            await body.break_off(form.fault(record_refusal(request, context, error).code, _cursor(last)))
        return body.response


async def _jobs(query: _Query, store: JobStore, size: int = DEFAULT.page_size) -> AsyncIterator[Job]:
    """Yield the jobs that the query selects and its watcher may see, oldest first, up to `query.limit`: those after the
    job `query.since`; from the oldest on if that is None or the job isn't stored any longer, so that the client may get
    some jobs again. Up to `_PAGE` jobs are read at a time, fewer if their records reach `size` characters. Raises
    StateUnavailable."""
    cursor_job = None if query.since is None else await store.load(query.since)
    after, room = None if cursor_job is None else cursor_job.place, query.limit
    while room is None or room > 0:
        page = await store.list(query.selection, after, _PAGE if room is None else min(room, _PAGE), size)
        visible_jobs = [job for job in page if query.watcher.sees(job.owner, job.tenant)]
        for job in visible_jobs:
            yield job
        if not page:
            return
        after = page[-1].place
        room = None if room is None else room - len(visible_jobs)


def _read(request: web.Request, context: Context, form: ListFormat) -> _Query:
    """Return the query for jobs that the request asks for, within what its caller may see. Raises BadQuery, and what
    `watcher_of` raises.
    """
    watcher, query = watcher_of(request, context), request.query
    phases = frozenset(query["phase"].split(",")) if "phase" in query else None
    upload_id = parse_upload_id(query["upload"]) or UploadId("") if "upload" in query else None
    selection = JobSelection(upload_id=upload_id, phases=phases, kind=query.get("kind"), account=watcher.account)
    bound = _JSON_ROWS if form is _JSON else None
    limit = read_number(request, "limit", 0, bound) if "limit" in query else bound
    return _Query(watcher=watcher, selection=selection, since=_since(query.get("since", _START)), limit=limit)


def _since(text: str) -> JobId | None:
    job_id = parse_upload_id(text)
    if job_id is None and text != _START:
        raise BadQuery("since must be the cursor of an earlier list")
    return None if job_id is None else JobId(job_id)


def _cursor(last: JobId | None) -> str:
    return _START if last is None else last
