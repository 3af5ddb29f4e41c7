"""GET of a finished upload: streamed with backpressure, without a turn, and without a limit while bytes move.

Or, where that is set, not streamed: the client is sent to S3.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from http import HTTPStatus

from aiohttp import hdrs, web

from tusd_py.domain.errors import StorageUnavailable, UploadLost
from tusd_py.domain.intents import Read
from tusd_py.domain.upload import Direct, Span, Upload, UploadId
from tusd_py.engine.lookup import finished, link
from tusd_py.http.connection.outflow import Outflow, outflow
from tusd_py.http.context import ENGINE, WIRE, Context
from tusd_py.http.handlers.delivery import Delivery, Unread
from tusd_py.protocol.wire import RequestHead
from tusd_py.serving.plan import ServedObject, plan_download

_TOLD = ("Content-Type", "Content-Disposition", "Content-Encoding", "Cache-Control")
"""What S3 answers as a signed URL wants it (API Reference, GetObject)."""


async def download(
    request: web.Request, context: Context, head: RequestHead, upload_id: UploadId, intent: Read, *, redirect: bool
) -> web.StreamResponse:
    """The object, a range of it, or why not; with `redirect`, from the storage itself.

    Raises Refusal, StateUnavailable, StorageUnavailable, UploadLost.
    """
    upload = await finished(request[ENGINE], upload_id, intent)
    plan = plan_download(head.method, head.headers, _served(upload, saved="download" in request.query))
    headers = {**request[WIRE].beside_content(upload), **plan.headers}
    if plan.span is None or head.method == hdrs.METH_HEAD:
        return web.Response(status=plan.status, headers=headers)
    if redirect and upload.direct is not Direct.WHOLE:  # a link to S3 would serve what replaced it
        return await _redirected(request, context, upload, plan.headers)
    return await _delivered(
        request, context, upload, plan.span, web.StreamResponse(status=plan.status, headers=headers)
    )


def about(upload: Upload) -> Mapping[str, str]:
    """What GET would tell of the whole of a finished upload."""
    return plan_download("HEAD", {}, _served(upload)).headers


def _served(upload: Upload, *, saved: bool = False) -> ServedObject:
    return ServedObject(
        length=upload.offset,
        etag=upload.validator,
        modified=upload.updated_at,
        metadata=upload.metadata,
        saved=saved,
    )


async def _delivered(
    request: web.Request, context: Context, upload: Upload, span: Span, response: web.StreamResponse
) -> web.StreamResponse:
    """All bytes, or a broken connection: a client must never take a part for the whole."""
    with ExitStack() as stack:

        async def begin() -> Outflow:
            await response.prepare(request)
            return stack.enter_context(outflow(request))

        delivery = Delivery(context, upload, span, begin)
        try:
            await delivery.run()
        except Unread:
            context.metrics.failed("download-unread")
            _abort(request)
        except (StorageUnavailable, UploadLost) as error:
            if not delivery.begun:
                raise
            context.engine.observer.trouble("download-broken", reason=str(error))
            _abort(request)
        finally:
            if delivery.begun:
                context.audit.downloaded(upload.id, response.status, sent=delivery.sent, complete=delivery.complete)
    return response


def _abort(request: web.Request) -> None:
    """Also where what is sent can't leave: `close` would wait for that."""
    if request.transport is not None:
        request.transport.abort()


async def _redirected(
    request: web.Request, context: Context, upload: Upload, headers: Mapping[str, str]
) -> web.Response:
    """To where the object lies: it answers there as it would here, as far as S3 lets itself be told."""
    url = await link(context.engine, upload, {name: headers[name] for name in _TOLD if name in headers})
    fields = {**request[WIRE].beside_content(upload), "Location": url, "Cache-Control": "no-store"}
    context.audit.downloaded(upload.id, HTTPStatus.FOUND, sent=0, complete=False)
    return web.Response(status=HTTPStatus.FOUND, headers=fields)
