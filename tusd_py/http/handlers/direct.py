"""The functions that the handlers of direct uploads share, those with JSON and those with XML; other handlers that read
small bodies use some of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import closing
from time import monotonic
from urllib.parse import quote

from aiohttp import hdrs, web

from tusd_py.domain.hook_refusals import HookRejected
from tusd_py.domain.refusals import (
    MethodNotAllowed,
    Refusal,
    ServiceUnavailable,
    TooLarge,
    UploadNotFound,
    WrongContentType,
)
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId, parse_upload_id
from tusd_py.engine import direct
from tusd_py.http.connection.body import is_too_slow, send_continue
from tusd_py.http.context import ENGINE, Context
from tusd_py.http.pipeline import Handler
from tusd_py.http.translation import response_of
from tusd_py.protocol.answers import add_fields, merge_refusal
from tusd_py.protocol.companion import MEMORY_FACTOR
from tusd_py.protocol.statuses import details
from tusd_py.protocol.wire import Reply
from tusd_py.transfer.budget_share import Holding
from tusd_py.transfer.memory import CLAIMED_AFTER

_MAX_BODY = 2 * 1024 * 1024
"""The most bytes of a request's body, if the caller of `read_body` names no other number: a list of 10,000 parts has
half as many."""
_UNRESERVED = 8 * 1024
"""Bytes up to which a body needs no memory of the budget."""
_MEMORY_TIMEOUT = 15.0
"""Seconds to wait for the memory of a body."""
_ARRIVING = 2
"""Bytes of memory that are charged for each byte of a body as it arrives; the rest of the 14 that reading it as JSON
may take (`MEMORY_FACTOR`) is charged once the body is whole."""
_HOLDING = web.RequestKey("holding", Holding)


def with_memory(handler: Handler) -> Handler:
    """Return the handler in a wrapper that lets `read_body` reserve memory for the request's body, and that
    releases the memory at the handler's end.
    """

    async def handle(request: web.Request, context: Context) -> web.StreamResponse:
        with closing(context.memory.texts.holding()) as request[_HOLDING]:
            return await handler(request, context)

    return handle


def with_answers(handler: Handler) -> Handler:
    """Return the handler with the header fields of hooks' answers, except Content-Type, merged into its responses
    (`add_fields`). Status and body stay: Uppy expects those of Companion or S3."""

    async def handle(request: web.Request, context: Context) -> web.StreamResponse:
        response = await handler(request, context)
        response.headers.update(add_fields(response.headers, request[ENGINE].answers or ()))
        return response

    return handle


async def read_body(request: web.Request, context: Context, longest: int = _MAX_BODY) -> bytes:
    """Return the whole body, of `longest` bytes at most. If `longest` is more than 8 KiB (`_UNRESERVED`), the route's
    handler must be wrapped in `with_memory`, which holds the memory for the body.

    Raises TooLarge, ServiceUnavailable if memory is short, ConnectionResetError if the body doesn't arrive, pauses for
    longer than `network-timeout`, or comes more slowly than `min-data-rate`.
    """
    if (request.content_length or 0) > longest:
        raise TooLarge(f"the request can have {longest} bytes at most")
    body, size = bytearray(), min(longest if request.content_length is None else request.content_length, longest)
    if size <= _UNRESERVED:
        await _fill(body, request, context, longest)
        return bytes(body)
    holding = request[_HOLDING]
    await _in_time(holding.reserve(MEMORY_FACTOR * size))
    if not await holding.unless_claimed(_fill(body, request, context, longest, holding), after=CLAIMED_AFTER):
        raise _busy()
    await _in_time(holding.charge((MEMORY_FACTOR - _ARRIVING) * len(body)))
    return bytes(body)


async def _fill(
    body: bytearray, request: web.Request, context: Context, longest: int, holding: Holding | None = None
) -> None:
    """Append the request's body, of `longest` bytes at most, to `body`, each chunk charged to `holding` if there is
    one. Raises the same as `read_body`."""
    await send_continue(request)
    waited, began = 0.0, monotonic()
    while chunk := await _next_chunk(request, context):
        waited += monotonic() - began
        body += chunk
        if len(body) > longest:
            raise TooLarge(f"the request can have {longest} bytes at most")
        if is_too_slow(len(body), waited, context.min_data_rate) and not request.content.is_eof():
            raise ConnectionResetError
        if holding is not None:
            await _in_time(holding.charge(_ARRIVING * len(chunk)))
        began = monotonic()


async def _next_chunk(request: web.Request, context: Context) -> bytes:
    """Return the next bytes of the body; empty at its end. Raises ConnectionResetError if none arrive for
    `network_timeout` seconds, or the body is cut off."""
    try:
        async with asyncio.timeout(context.network_timeout):
            return await request.content.readany()
    except (OSError, web.RequestPayloadError) as error:  # TimeoutError among them
        raise ConnectionResetError from error


async def read_json_body(request: web.Request, context: Context, longest: int = _MAX_BODY) -> bytes:
    """Return the whole body, which should be JSON. Raises WrongContentType if a page sent it with another type than
    application/json, and what `read_body` raises.

    Pages may send some other types without a preflight (Fetch standard, "CORS-safelisted request-header"). Scripts,
    which send no Origin, often name no type either.
    """
    from_page = hdrs.ORIGIN in request.headers or "Sec-Fetch-Site" in request.headers
    if from_page and request.content_type != "application/json":
        raise WrongContentType("send application/json")
    return await read_body(request, context, longest)


async def _in_time(memory: Awaitable[None]) -> None:
    """Await `memory`, a call of `Holding` that waits for room in the memory budget. Raises ServiceUnavailable if that
    lasts longer than 15 seconds (`_MEMORY_TIMEOUT`)."""
    try:
        async with asyncio.timeout(_MEMORY_TIMEOUT):
            await memory
    except TimeoutError:
        raise _busy() from None


def _busy() -> ServiceUnavailable:
    return ServiceUnavailable("too many lists at once; try again soon")


async def abort(request: web.Request, context: Context) -> None:
    if not context.engine.limits.termination:
        raise MethodNotAllowed((hdrs.METH_GET, hdrs.METH_POST))
    await direct.abort(request[ENGINE], upload_id_of(request), object_key_of(request))


def upload_id_of(request: web.Request) -> UploadId:
    upload_id = parse_upload_id(request.match_info["id"])
    if upload_id is None:
        raise UploadNotFound
    return upload_id


def object_key_of(request: web.Request) -> str:
    return request.query.get("key", "")


def key_and_bucket(context: Context, upload: Upload) -> tuple[str, str]:
    """Return the key and the bucket of the upload's object."""
    place = context.engine.storage.locate(upload)
    return place.key, place.bucket


def xml_url(endpoint: str, upload_id: UploadId, key: str) -> str:
    return f"{endpoint}s3/xml/{upload_id}?key={quote(key, safe='')}"


def respond(status: int, text: str, kind: str, *, refusal: Refusal | None = None) -> web.Response:
    """Return a response with the text; `kind` is its media type. With a refusal, the response has the refusal's
    header fields, and the refusal's message as its reason phrase, the only part that version 6 of @uppy/aws-s3
    shows. If a hook refused the request, the response is merged with the hook's answer (`merge_refusal`).
    """
    headers = {hdrs.CACHE_CONTROL: "no-store", hdrs.CONTENT_TYPE: kind, **(details(refusal) if refusal else {})}
    reply = Reply(status=status, headers=headers, text=text)
    if isinstance(refusal, HookRejected):
        reply = merge_refusal(reply, refusal.answer)
    response = response_of(reply)
    if refusal is not None:
        response.set_status(reply.status, refusal.message)
    return response
