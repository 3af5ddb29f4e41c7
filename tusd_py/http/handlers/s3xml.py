"""Where `presign` sends what S3 must not be asked directly: making and ending an upload, answered as S3 would."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import hdrs, web

from tusd_py.domain.refusals import Refusal
from tusd_py.domain.upload import DirectPart
from tusd_py.engine import direct
from tusd_py.http.connection.early_close import farewell
from tusd_py.http.context import ENGINE, Context
from tusd_py.http.handlers.direct import abort, lists, location, named_key, named_upload, place, respond, small_body
from tusd_py.http.pipeline import Handler, Route
from tusd_py.protocol import companion, s3parts, s3xml


def add_xml_routes(app: web.Application, path: str) -> None:
    routes: list[tuple[str, Handler]] = [("POST", _post_xml), ("GET", _list_xml), ("DELETE", _abort_xml)]
    for method, handler in routes:
        app.router.add_route(method, f"{path}xml/{{id:[^/]+}}", Route(lists(handler), _refuse).answer)


async def _post_xml(request: web.Request, context: Context) -> web.Response:
    if "uploads" not in request.query:
        return await _complete_xml(request, context)
    context.admission.check_open()
    kind = request.headers.get(hdrs.CONTENT_TYPE, "")
    told = {"filetype": kind.encode("latin-1", "replace")} if kind else {}
    upload = await direct.open_parts(request[ENGINE], named_upload(request), named_key(request), told)
    return _xml(s3xml.begun(upload, *place(context, upload)))


async def _complete_xml(request: web.Request, context: Context) -> web.Response:
    async def read_named() -> Sequence[DirectPart]:
        return s3parts.read_named(await small_body(request, context))

    upload = await direct.complete(request[ENGINE], named_upload(request), named_key(request), read_named)
    return _xml(s3xml.completed(upload, location(request, context, upload), *place(context, upload)))


async def _list_xml(request: web.Request, _: Context) -> web.Response:
    return _xml(s3xml.stored(await direct.parts(request[ENGINE], named_upload(request), named_key(request))))


async def _abort_xml(request: web.Request, context: Context) -> web.Response:
    await abort(request, context)
    return web.Response(status=204)


def _xml(document: str) -> web.Response:
    return respond(200, document, "application/xml")


async def _refuse(request: web.Request, _: Context, refusal: Refusal) -> web.StreamResponse:
    answer = respond(companion.status(refusal), s3xml.refused(refusal), "application/xml", refusal=refusal)
    return await farewell(request, answer)
