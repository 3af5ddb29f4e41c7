"""Answers before the body has arrived: the client must get them, though the server doesn't read the rest of a large
body."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from aiohttp import web

CLIENT_CLOSED = 499
"""The status, in logs and metrics, of a request whose connection was closed without an answer (as in nginx)."""
_SMALL_BODY = 256 * 1024
"""The length in bytes up to which a body is left to aiohttp, which reads it after the answer, and keeps the connection
if the body ends within the server's `lingering_time`."""
_MAX_DRAIN = 1024 * 1024
"""Bytes of a body after which draining ends; the last read may go beyond them."""
_DRAIN_TIMEOUT = 2.0
"""Seconds after which draining ends."""
_DRAIN_DELAY = 0.25
"""Seconds between the answer and the draining: some proxies look for an answer only once their sends block."""


async def answer_early(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    """Return `response`: for aiohttp to send if the body was read or its declared length is at most 256 KiB; else sent
    by this function, with the connection closed.

    Before the close, about 1 MiB of the body is drained at most, for 2 seconds at most, so that the client sees the
    answer before a reset.
    """
    if request.content.at_eof() or _is_small(request):
        return response
    response.force_close()
    with suppress(OSError, web.RequestPayloadError):  # TimeoutError and ConnectionError among them
        await response.prepare(request)
        await response.write_eof()
        await asyncio.sleep(_DRAIN_DELAY)
        async with asyncio.timeout(_DRAIN_TIMEOUT):
            await _read_some(request)
    return close_silently(request, response)


def close_silently(request: web.Request, response: web.StreamResponse | None = None) -> web.StreamResponse:
    """Close the connection, and return `response`, which was sent before; without it, return one that is never sent,
    with the status 499 (`CLIENT_CLOSED`) for logs and metrics."""
    if request.transport is not None:
        request.protocol.force_close()
    return response or web.Response(status=CLIENT_CLOSED)


def _is_small(request: web.Request) -> bool:
    return request.content_length is not None and request.content_length <= _SMALL_BODY


async def _read_some(request: web.Request) -> None:
    remaining = _MAX_DRAIN
    while remaining > 0 and (chunk := await request.content.readany()):
        remaining -= len(chunk)
