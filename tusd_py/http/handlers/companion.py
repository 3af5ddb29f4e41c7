"""The handlers of direct uploads to S3 with the routes and JSON of Uppy's Companion, and of the route `presign`, for
Uppy's `signRequest`. The routes are below `s3/` of the creation endpoint, and below `/s3/`."""

from __future__ import annotations

import json
from collections.abc import Sequence

from aiohttp import hdrs, web

from tusd_py.domain.direct import DirectMode, DirectPart, Signed
from tusd_py.domain.intents import Begin, Continue
from tusd_py.domain.refusals import Malformed, Refusal
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.engine import direct
from tusd_py.http.connection.early_close import answer_early
from tusd_py.http.context import ENGINE, Context
from tusd_py.http.endpoint import request_id
from tusd_py.http.handlers.direct import (
    abort,
    key_and_bucket,
    object_key_of,
    read_json_body,
    respond,
    upload_id_of,
    with_answers,
    with_memory,
    xml_url,
)
from tusd_py.http.pipeline import Handler, Route, add_route
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
        add_route(app, method, route, Route(with_memory(with_answers(handler)), _refuse))


async def _params(request: web.Request, context: Context) -> web.Response:
    context.request_filter.check_origin_of_get(request)  # a GET that creates an upload
    query = companion.read_query(request.query)
    if not query.get("filename"):
        raise Malformed("filename is missing")
    upload = await _announce(request, context, companion.read_begin(query, DirectMode.WHOLE, context.engine.limits))
    signed = await direct.sign_whole(request[ENGINE], upload, form=True)
    return _json(companion.whole(signed, context.engine.limits.upload_url_lifetime))


async def _begin(request: web.Request, context: Context) -> web.Response:
    request[ENGINE].authorize(Begin(mode=DirectMode.PARTS), None)  # before the body is read
    intent = companion.read_begin(await _read_json(request, context), DirectMode.PARTS, context.engine.limits)
    context.concurrency.creation(context.client(request))
    upload = await direct.begin(request[ENGINE], intent)
    return _json(companion.initiated(upload, *key_and_bucket(context, upload)))


async def _list(request: web.Request, _: Context) -> web.Response:
    return _json(companion.stored(await direct.parts(request[ENGINE], upload_id_of(request), object_key_of(request))))


async def _part(request: web.Request, context: Context) -> web.Response:
    number = int(request.match_info["number"][:9])
    length = companion.read_length(request.query.get("length"))
    signed = await direct.sign_part(request[ENGINE], upload_id_of(request), object_key_of(request), number, length)
    return _json(companion.part(signed, context.engine.limits.upload_url_lifetime))


async def _complete(request: web.Request, context: Context) -> web.Response:
    async def read_parts() -> Sequence[DirectPart]:
        return companion.read_parts(await _read_json(request, context))

    upload_id, endpoint = upload_id_of(request), context.endpoint(request)
    upload = await direct.complete(request[ENGINE], upload_id, object_key_of(request), read_parts)
    return _json(companion.completed(f"{endpoint}{upload_id}", *key_and_bucket(context, upload)))


async def _abort(request: web.Request, context: Context) -> web.Response:
    await abort(request, context)
    return _json({})


async def _presign(request: web.Request, context: Context) -> web.Response:
    request[ENGINE].authorize(Continue(), None)  # before the body is read, which may also ask for more
    fields = await _read_json(request, context)
    presign = companion.read_presign(fields)
    if presign.upload_id is not None:
        return _json(await _presign_open(request, context, presign, presign.upload_id))
    kind = {"PUT": DirectMode.WHOLE, "POST": DirectMode.PARTS}.get(presign.method)
    if kind is None:
        raise Malformed("uploadId is missing")
    intent = companion.read_begin(companion.as_begin(fields), kind, context.engine.limits)
    presign_new = _presign_whole if kind is DirectMode.WHOLE else _presign_parts
    return _json(await presign_new(request, context, intent))


async def _presign_whole(request: web.Request, context: Context, intent: Begin) -> companion.Json:
    upload = await _announce(request, context, intent)
    signed = await direct.sign_whole(request[ENGINE], upload, form=upload.length is None)
    return companion.presigned(signed, key_and_bucket(context, upload)[0])


async def _presign_parts(request: web.Request, context: Context, intent: Begin) -> companion.Json:
    endpoint = context.endpoint(request)
    upload = await _announce(request, context, intent)
    key, _ = key_and_bucket(context, upload)
    return companion.presigned(Signed(url=f"{xml_url(endpoint, upload.id, key)}&uploads"), key)


async def _presign_open(
    request: web.Request, context: Context, presign: Presign, upload_id: UploadId
) -> companion.Json:
    """Return the answer to `presign` for an existing upload: a URL of S3 to send a part (PUT), or one of this server
    (`handlers.s3xml`) to list its parts (GET), complete it (POST) or abort it (DELETE). Raises Malformed, and what
    `direct.sign_part` raises."""
    if presign.method == hdrs.METH_PUT:
        if presign.part is None:
            raise Malformed("partNumber is missing")
        return companion.presigned(
            await direct.sign_part(request[ENGINE], upload_id, presign.key, presign.part, presign.length), presign.key
        )
    if presign.method not in {hdrs.METH_GET, hdrs.METH_POST, hdrs.METH_DELETE}:
        raise Malformed("method must be GET, PUT, POST or DELETE")
    return companion.presigned(Signed(url=xml_url(context.endpoint(request), upload_id, presign.key)), presign.key)


async def _read_json(request: web.Request, context: Context) -> companion.Json:
    """Return the JSON object in the body. Raises Malformed, and what `read_json_body` raises."""
    return companion.read_json(await read_json_body(request, context))


async def _announce(request: web.Request, context: Context, intent: Begin) -> Upload:
    context.concurrency.creation(context.client(request))
    return await direct.announce(request[ENGINE], intent)


def _json(value: object) -> web.Response:
    return respond(200, json.dumps(value), "application/json")


async def _refuse(request: web.Request, _: Context, refusal: Refusal) -> web.StreamResponse:
    text = json.dumps(companion.refused(refusal, request_id(request)))
    return await answer_early(request, respond(companion.status(refusal), text, "application/json", refusal=refusal))
