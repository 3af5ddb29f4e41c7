"""GET of a finished upload: streamed with backpressure, without a lock, and without a time limit while the client takes
bytes; or, if configured, redirected to the storage."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from http import HTTPStatus

from aiohttp import hdrs, web

from tusd_py.domain.direct import DirectMode
from tusd_py.domain.errors import StorageUnavailable, UploadLost
from tusd_py.domain.intents import Read
from tusd_py.domain.span import Span
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.engine.lookup import finished, link
from tusd_py.http.connection.outflow import Outflow, outflow
from tusd_py.http.context import ENGINE, WIRE, Context
from tusd_py.http.handlers.delivery import Delivery, Unread
from tusd_py.protocol.answers import add_fields
from tusd_py.protocol.wire import RequestHead
from tusd_py.serving.plan import ServedObject, plan_download

_S3_HEADERS = ("Content-Type", "Content-Disposition", "Content-Encoding", "Cache-Control")
"""The header fields of a download that a presigned URL can set in S3's response (API Reference, GetObject)."""


async def download(
    request: web.Request, context: Context, head: RequestHead, upload_id: UploadId, intent: Read, *, redirect: bool
) -> web.StreamResponse:
    """Return the response to GET or HEAD of a finished upload: the object, a range of it, or the status of a condition
    or range that fails. With `redirect`, a GET of bytes is redirected to the storage, except for an object that its
    client sent to S3 in one request, as the client could replace that object.

    The returned response may have been sent already. Raises Refusal, StateUnavailable, StorageUnavailable,
    UploadLost; OSError if the client is gone; for an awaited upload also Locked, Superseded.
    """
    upload = await finished(request[ENGINE], upload_id, intent)
    plan = plan_download(head.method, head.headers, _served(upload, saved="download" in request.query))
    headers = _with_answers(request, {**request[WIRE].download_fields(upload), **plan.headers})
    if plan.span is None or head.method == hdrs.METH_HEAD:
        return web.Response(status=plan.status, headers=headers)
    replaceable = upload.direct is not None and upload.direct.mode is DirectMode.WHOLE
    if redirect and not replaceable:  # a link to S3 would serve what replaced it
        return await _redirect(request, context, upload, plan.headers)
    return await _deliver(request, context, upload, plan.span, web.StreamResponse(status=plan.status, headers=headers))


def _with_answers(request: web.Request, headers: Mapping[str, str]) -> Mapping[str, str]:
    return add_fields(headers, request[ENGINE].answers or ())


def content_headers(upload: Upload) -> Mapping[str, str]:
    """Return the header fields about the object that the response to a GET of the whole finished upload would have."""
    return plan_download("HEAD", {}, _served(upload)).headers


def _served(upload: Upload, *, saved: bool = False) -> ServedObject:
    return ServedObject(
        length=upload.offset,
        etag=upload.validator,
        modified=upload.times.updated_at,
        metadata=upload.metadata,
        saved=saved,
    )


async def _deliver(
    request: web.Request, context: Context, upload: Upload, span: Span, response: web.StreamResponse
) -> web.StreamResponse:
    """Send all bytes of `span`, and log the download if its head was sent. If bytes can't be had after the head, or the
    client takes none for `network_timeout` seconds, the connection is aborted: a client must never take a part for the
    whole. Before the head, raises ServiceUnavailable (memory is short), StorageUnavailable, UploadLost; at any time
    OSError if the client is gone."""
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
            if not delivery.started:
                raise
            context.engine.observer.trouble("download broken", reason=str(error))
            _abort(request)
        finally:
            if delivery.started:
                context.audit.downloaded(
                    upload.id, response.status, bytes_sent=delivery.bytes_sent, complete=delivery.complete
                )
    return response


def _abort(request: web.Request) -> None:
    """Close the connection, also if bytes still wait to be sent: `close` would wait for them."""
    if request.transport is not None:
        request.transport.abort()


async def _redirect(request: web.Request, context: Context, upload: Upload, headers: Mapping[str, str]) -> web.Response:
    """Return a redirect (302) to a presigned URL of the object. S3's response has those fields of `headers` that
    a URL can set. Raises UnsupportedExtension if clients can't reach the storage; StorageUnavailable.
    """
    url = await link(context.engine, upload, {name: headers[name] for name in _S3_HEADERS if name in headers})
    own = {**request[WIRE].download_fields(upload), "Location": url, "Cache-Control": "no-store"}
    fields = _with_answers(request, own)
    context.audit.downloaded(upload.id, HTTPStatus.FOUND, bytes_sent=0, complete=False)
    return web.Response(status=HTTPStatus.FOUND, headers=fields)
