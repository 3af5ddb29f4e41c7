"""Answers before the body has arrived: the client must get them, and the server must not read a gigabyte for that."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from aiohttp import web

CLIENT_CLOSED = 499
"""The status, in logs and metrics, of a connection that ended without an answer, as other servers have it."""
_SMALL_BODY = 256 * 1024
"""Bytes of a body up to which aiohttp reads it to its end, and the connection stays open."""
_MAX_DRAIN = 1024 * 1024
"""Bytes of the body to drain at most."""
_DRAIN_TIMEOUT = 2.0
"""Seconds to drain the body."""
_DRAIN_DELAY = 0.25
"""Seconds to wait before draining the body: proxies that can still send don't look for an answer."""


async def answer_early(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    """Return `response` for aiohttp to send if the body is small or read; else send it now and close the connection.

    Before the close a part of the body is drained, so that the client sees the answer.
    """
    if request.content.at_eof() or _is_small(request):
        return response
    response.force_close()
    with suppress(ConnectionError, TimeoutError, web.RequestPayloadError):
        await response.prepare(request)
        await response.write_eof()
        await asyncio.sleep(_DRAIN_DELAY)
        async with asyncio.timeout(_DRAIN_TIMEOUT):
            await _read_some(request)
    return close_silently(request, response)


def close_silently(request: web.Request, response: web.StreamResponse | None = None) -> web.StreamResponse:
    """Close the connection without an answer, or after `response`, without more."""
    if request.transport is not None:
        request.protocol.force_close()
    return response or web.Response(status=CLIENT_CLOSED)


def _is_small(request: web.Request) -> bool:
    return request.content_length is not None and request.content_length <= _SMALL_BODY


async def _read_some(request: web.Request) -> None:
    remaining = _MAX_DRAIN
    while remaining > 0 and (chunk := await request.content.readany()):
        remaining -= len(chunk)
