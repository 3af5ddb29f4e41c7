"""The handlers of Companion's S3 routes, below the creation endpoint, and of `presign` for Uppy's `signRequest`."""

from __future__ import annotations

import json
from collections.abc import Sequence

from aiohttp import hdrs, web

from tusd_py.domain.intents import Begin
from tusd_py.domain.refusals import Malformed, Refusal, WrongContentType
from tusd_py.domain.upload import Direct, DirectPart, Signed, Upload, UploadId
from tusd_py.engine import direct
from tusd_py.http.connection.early_close import farewell
from tusd_py.http.context import ENGINE, Context
from tusd_py.http.endpoint import request_id
from tusd_py.http.handlers.direct import (
    abort,
    lists,
    location,
    named_key,
    named_upload,
    place,
    respond,
    small_body,
    xml_url,
)
from tusd_py.http.pipeline import Handler, Route
from tusd_py.protocol import companion
from tusd_py.protocol.companion import Presign


def add_companion_routes(app: web.Application, path: str) -> None:
    one = f"{path}multipart/{{id:[^/]+}}"
    routes: list[tuple[str, str, Handler]] = [
        ("GET", f"{path}params", _params),
        ("POST", f"{path}multipart", _begin),
        ("GET", one, _list),
        ("DELETE", one, _abort),
        ("GET", f"{one}/{{number:[0-9]+}}", _part),
        ("POST", f"{one}/complete", _complete),
        ("POST", f"{path}presign", _presign),
    ]
    for method, route, handler in routes:
        app.router.add_route(method, route, Route(lists(handler), _refuse).answer)


async def _params(request: web.Request, context: Context) -> web.Response:
    context.door.check_origin(request)  # a GET that makes an upload
    told = companion.read_query(request.query)
    if not told.get("filename"):
        raise Malformed("filename is missing")
    upload = await _announced(request, context, companion.read_begin(told, Direct.WHOLE, context.engine.limits))
    signed = await direct.sign_whole(request[ENGINE], upload, form=True)
    return _json(companion.whole(signed, context.engine.limits.upload_url_lifetime))


async def _begin(request: web.Request, context: Context) -> web.Response:
    intent = companion.read_begin(await _told(request, context), Direct.PARTS, context.engine.limits)
    context.admission.creation(context.client(request))
    upload = await direct.begin(request[ENGINE], intent)
    return _json(companion.begun(upload, *place(context, upload)))


async def _list(request: web.Request, _: Context) -> web.Response:
    return _json(companion.stored(await direct.parts(request[ENGINE], named_upload(request), named_key(request))))


async def _part(request: web.Request, context: Context) -> web.Response:
    number = int(request.match_info["number"][:9])
    length = companion.read_length(request.query.get("length"))
    signed = await direct.sign_part(request[ENGINE], named_upload(request), named_key(request), number, length)
    return _json(companion.part(signed, context.engine.limits.upload_url_lifetime))


async def _complete(request: web.Request, context: Context) -> web.Response:
    async def read_named() -> Sequence[DirectPart]:
        return companion.read_named(await _told(request, context))

    upload = await direct.complete(request[ENGINE], named_upload(request), named_key(request), read_named)
    return _json(companion.completed(location(request, context, upload), *place(context, upload)))


async def _abort(request: web.Request, context: Context) -> web.Response:
    await abort(request, context)
    return _json({})


async def _presign(request: web.Request, context: Context) -> web.Response:
    told = await _told(request, context)
    asked = companion.read_presign(told)
    if asked.upload_id is not None:
        return _json(await _presigned(request, context, asked, asked.upload_id))
    whole = {"PUT": Direct.WHOLE, "POST": Direct.PARTS}.get(asked.method)
    if whole is None:
        raise Malformed("uploadId is missing")
    intent = companion.read_begin(companion.as_begin(told), whole, context.engine.limits)
    upload = await _announced(request, context, intent)
    key, _ = place(context, upload)
    if whole is Direct.WHOLE:
        signed = await direct.sign_whole(request[ENGINE], upload, form=upload.length is None)
    else:
        signed = Signed(url=f"{xml_url(request, context, upload.id, key)}&uploads")
    return _json(companion.presigned(signed, key))


async def _presigned(request: web.Request, context: Context, asked: Presign, upload_id: UploadId) -> companion.Json:
    """S3 itself is only asked for parts: what makes or ends an upload must come by here."""
    if asked.method == hdrs.METH_PUT:
        if asked.part is None:
            raise Malformed("partNumber is missing")
        return companion.presigned(
            await direct.sign_part(request[ENGINE], upload_id, asked.key, asked.part, asked.length), asked.key
        )
    if asked.method not in {hdrs.METH_GET, hdrs.METH_POST, hdrs.METH_DELETE}:
        raise Malformed("method must be GET, PUT, POST or DELETE")
    return companion.presigned(Signed(url=xml_url(request, context, upload_id, asked.key)), asked.key)


async def _told(request: web.Request, context: Context) -> companion.Json:
    """From a page, only what it can't send without a preflight (Fetch standard, "CORS-safelisted request-header").

    Scripts, which name no origin, often name no type either.
    """
    from_page = hdrs.ORIGIN in request.headers or "Sec-Fetch-Site" in request.headers
    if from_page and request.content_type != "application/json":
        raise WrongContentType("send application/json")
    return companion.read_json(await small_body(request, context))


async def _announced(request: web.Request, context: Context, intent: Begin) -> Upload:
    context.admission.creation(context.client(request))
    return await direct.announce(request[ENGINE], intent)


def _json(told: object) -> web.Response:
    return respond(200, json.dumps(told), "application/json")


async def _refuse(request: web.Request, _: Context, refusal: Refusal) -> web.StreamResponse:
    told = json.dumps(companion.refused(refusal, request_id(request)))
    return await farewell(request, respond(companion.status(refusal), told, "application/json", refusal=refusal))
