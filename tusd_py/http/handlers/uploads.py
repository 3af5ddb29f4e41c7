"""The handlers of the creation endpoint and of uploads: a request becomes a head, the head an intent for the engine,
and its result a reply."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial, reduce

from aiohttp import hdrs, web

from tusd_py.domain import refusals
from tusd_py.domain.intents import Append, Create, Inspect, Intent, Read, Terminate
from tusd_py.domain.upload import Kind, Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.engine import append, create, lookup, terminate
from tusd_py.http.connection.body import RequestBody
from tusd_py.http.connection.interim import Interim
from tusd_py.http.context import ENGINE, WIRE, Context
from tusd_py.http.endpoint import endpoint_url
from tusd_py.http.handlers.bodies import answer_cut, receiving
from tusd_py.http.handlers.downloads import content_headers, download
from tusd_py.http.handlers.plain import answer_plain
from tusd_py.http.pipeline import Route, refuse_in_protocol
from tusd_py.http.translation import head_of, response_of
from tusd_py.http.upload_url import sent_name, upload_id_of
from tusd_py.ports.body import BodyEnd
from tusd_py.protocol.answers import merge
from tusd_py.protocol.plain.wire import Plain
from tusd_py.protocol.wire import Reply, RequestHead


async def _handle(request: web.Request, context: Context) -> web.StreamResponse:
    """Answer a request to the creation endpoint or to an upload, in the protocol that its head names. If it names none
    (`Wires.choose`), a PUT, or a POST to the creation endpoint, is a plain upload where the settings allow these; HEAD
    is answered in both resumable protocols, any other request in tus. OPTIONS is answered with what the server can do
    in both resumable protocols. Raises Refusal, the engine's errors (`domain.errors`), ConnectionError."""
    head = head_of(request)
    if head.method == hdrs.METH_OPTIONS:
        return response_of(context.wires.discover())
    request[WIRE] = context.wires.choose(head)
    body = RequestBody(request, context.memory.slabs, context.network_timeout, context.min_data_rate)
    if isinstance(request[WIRE], Plain) and context.plain is not None:
        return await answer_plain(request, context, context.plain, head, body)
    if head.method == hdrs.METH_GET and head.on_upload and context.engine.limits.downloads:
        return await _download(request, context, head, body)
    return await _answer(request, context, head, body)


async def _download(request: web.Request, context: Context, head: RequestHead, body: RequestBody) -> web.StreamResponse:
    try:
        return await download(
            request, context, head, await upload_id_of(request), Read(), redirect=context.redirect_downloads
        )
    except refusals.NotReady:
        if not request[WIRE].inspects_by_get:
            raise
        return await _answer(request, context, head, body)


async def _answer(request: web.Request, context: Context, head: RequestHead, body: RequestBody) -> web.StreamResponse:
    intent = request[WIRE].read(head)
    try:
        reply = await _HANDLERS[type(intent)](request, context, intent, body)
        response = response_of(reduce(merge, request[ENGINE].answers or (), reply))
    finally:
        body.release()
    if body.end is BodyEnd.COMPLETE:
        return response
    return await answer_cut(request, context, head, body)  # its bytes are kept: the client will ask for the offset


async def _create(request: web.Request, context: Context, intent: Create, body: RequestBody) -> Reply:
    context.concurrency.creation(context.client(request))
    endpoint, wire = _endpoint(request, context), request[WIRE]
    intent = replace(intent, endpoint=endpoint) if intent.partials else intent
    interim = Interim(request, wire, lambda upload: endpoint + upload.url_name)
    with receiving(request, context, body):
        upload = await create.create(request[ENGINE], intent, body, interim)
    reply = wire.created(upload, endpoint + upload.url_name, with_body=intent.body is not None)
    return await _with_link(request, context, upload, reply, lambda: endpoint)


async def _append(request: web.Request, context: Context, intent: Append, body: RequestBody) -> Reply:
    locate = partial(_locate, request, context)
    if request[WIRE].locates_appended:
        _creation_url(request, context)  # Malformed is raised before anything is changed
    interim = Interim(request, request[WIRE], locate)
    with receiving(request, context, body):
        upload_id = await upload_id_of(request)
        with _counting(context, upload_id, intent, body):
            upload = await append.append(request[ENGINE], upload_id, intent, body, interim)
    reply = request[WIRE].appended(upload, partial(locate, upload))
    return await _with_link(request, context, upload, reply, partial(_creation_url, request, context))


def _counting(context: Context, upload_id: UploadId, intent: Append, body: RequestBody) -> AbstractContextManager[None]:
    """Return a context in which the listeners of the upload are told of the bytes received so far; without effect if
    nothing is told live."""
    if context.live is None:
        return nullcontext()
    return context.live.receiving(upload_id, intent.offset, lambda: body.received)


async def _with_link(
    request: web.Request, context: Context, upload: Upload, reply: Reply, endpoint: Callable[[], str]
) -> Reply:
    """Return the reply, with the reading link in its Link field if the upload has one (`Links.header_fields`) and the
    caller may read the upload. `endpoint` returns the creation endpoint's URL."""
    if not request[ENGINE].may_read(upload):
        return reply
    link = await context.links.header_fields(upload, endpoint)
    return replace(reply, headers={**reply.headers, **link})


def _endpoint(request: web.Request, context: Context) -> str:
    path = request.rel_url.raw_path
    return endpoint_url(request, path, public=context.public_endpoint, trust=context.trust)


def _locate(request: web.Request, context: Context, upload: Upload) -> str:
    """Return the URL of the upload, from a request to it. Raises Malformed."""
    return _creation_url(request, context) + upload.url_name


def _creation_url(request: web.Request, context: Context) -> str:
    """Return the URL of the creation endpoint, from a request to an upload. Raises Malformed."""
    return _endpoint(request, context).removesuffix(f"{sent_name(request)}/")


async def _inspect(request: web.Request, context: Context, _: Inspect, __: RequestBody) -> Reply:
    upload = await lookup.inspect(request[ENGINE], await upload_id_of(request))
    reply = request[WIRE].inspected(upload, request.rel_url.raw_path.rstrip("/").removesuffix(sent_name(request)))
    reply = await _with_link(request, context, upload, reply, partial(_creation_url, request, context))
    if (
        upload.done
        and upload.kind is not Kind.PARTIAL
        and context.engine.limits.downloads
        and request[WIRE].shows_content
        and request[ENGINE].may_read(upload)
    ):
        return replace(reply, headers={**content_headers(upload), **reply.headers})
    return reply


async def _terminate(request: web.Request, _: Context, __: Terminate, ___: RequestBody) -> Reply:
    await terminate.terminate(request[ENGINE], await upload_id_of(request))
    return request[WIRE].terminated()


_HANDLERS: dict[type[Intent], Callable[..., Awaitable[Reply]]] = {
    Create: _create,
    Append: _append,
    Inspect: _inspect,
    Terminate: _terminate,
}


UPLOADS = Route(_handle, refuse_in_protocol, overridden=True)
