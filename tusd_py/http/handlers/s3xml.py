"""The handlers behind the URLs of this server that the route `presign` gives to Uppy's `signRequest`: to create,
complete or abort a multipart upload, and to list its parts, answered with XML as S3 would.
"""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import hdrs, web

from tusd_py.domain.direct import DirectPart
from tusd_py.domain.refusals import Refusal
from tusd_py.engine import direct
from tusd_py.http.connection.early_close import answer_early
from tusd_py.http.context import ENGINE, Context
from tusd_py.http.handlers.direct import (
    abort,
    key_and_bucket,
    object_key_of,
    read_body,
    respond,
    upload_id_of,
    with_answers,
    with_memory,
)
from tusd_py.http.pipeline import Handler, Route, add_route
from tusd_py.protocol import companion, s3parts, s3xml


def add_xml_routes(app: web.Application, path: str) -> None:
    routes: list[tuple[str, Handler]] = [("POST", _post_xml), ("GET", _list_xml), ("DELETE", _abort_xml)]
    for method, handler in routes:
        route = Route(with_memory(with_answers(handler)), _refuse)
        add_route(app, method, f"{path}xml/{{id:[^/]+}}", route)


async def _post_xml(request: web.Request, context: Context) -> web.Response:
    if "uploads" not in request.query:
        return await _complete_xml(request, context)
    context.concurrency.check_open()
    kind = request.headers.get(hdrs.CONTENT_TYPE, "")
    metadata = {"filetype": kind.encode("latin-1", "replace")} if kind else {}
    upload = await direct.open_parts(request[ENGINE], upload_id_of(request), object_key_of(request), metadata)
    return _xml(s3xml.initiated(upload, *key_and_bucket(context, upload)))


async def _complete_xml(request: web.Request, context: Context) -> web.Response:
    async def read_parts() -> Sequence[DirectPart]:
        return s3parts.read_parts(await read_body(request, context))

    upload_id, endpoint = upload_id_of(request), context.endpoint(request)
    upload = await direct.complete(request[ENGINE], upload_id, object_key_of(request), read_parts)
    return _xml(s3xml.completed(upload, f"{endpoint}{upload_id}", *key_and_bucket(context, upload)))


async def _list_xml(request: web.Request, _: Context) -> web.Response:
    return _xml(s3xml.stored(await direct.parts(request[ENGINE], upload_id_of(request), object_key_of(request))))


async def _abort_xml(request: web.Request, context: Context) -> web.Response:
    await abort(request, context)
    return web.Response(status=204)


def _xml(document: str) -> web.Response:
    return respond(200, document, "application/xml")


async def _refuse(request: web.Request, _: Context, refusal: Refusal) -> web.StreamResponse:
    answer = respond(companion.status(refusal), s3xml.refused(refusal), "application/xml", refusal=refusal)
    return await answer_early(request, answer)
