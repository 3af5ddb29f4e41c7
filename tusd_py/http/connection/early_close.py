"""Answering before the body is through: the client must get the answer, and we must not read a gigabyte for it."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from aiohttp import web

SILENCE = 499
"""What logs and metrics call a connection that ended without an answer, as other servers do."""
_SMALL = 256 * 1024
"""A rest up to this size is read, and the connection goes on."""
_MOST = 1024 * 1024
_PATIENCE = 2.0
_PAUSE = 0.25
"""For so long we read nothing: proxies that send as fast as we read look for an answer only once they can't send."""


async def farewell(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    """Send `response`; then read a little of what the client still sends, so that it sees the answer, and close."""
    if request.content.at_eof() or _is_small(request):
        return response
    response.force_close()
    with suppress(ConnectionError, TimeoutError, web.RequestPayloadError):
        await response.prepare(request)
        await response.write_eof()
        await asyncio.sleep(_PAUSE)
        async with asyncio.timeout(_PATIENCE):
            await _read_some(request)
    return close_silently(request, response)


def close_silently(request: web.Request, response: web.StreamResponse | None = None) -> web.StreamResponse:
    """End the connection without a word (more)."""
    if request.transport is not None:
        request.protocol.force_close()
    return response or web.Response(status=SILENCE)


def _is_small(request: web.Request) -> bool:
    return request.content_length is not None and request.content_length <= _SMALL


async def _read_some(request: web.Request) -> None:
    left = _MOST
    while left > 0 and (chunk := await request.content.readany()):
        left -= len(chunk)
