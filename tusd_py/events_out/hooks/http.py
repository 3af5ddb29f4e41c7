"""Calls of hooks over HTTP."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC
from email.utils import parsedate_to_datetime

import aiohttp
from aiohttp import hdrs
from multidict import CIMultiDict

from tusd_py.events_out.hooks.call import TIMEOUT, Call, CallFailed, Result
from tusd_py.events_out.signing import Signer
from tusd_py.outgoing import OutgoingRequest
from tusd_py.version import __version__

BODY_LIMIT = 5 * 1024
"""The default for the most bytes of an answer's body. It is small, as the body of an answer to an event has no meaning.
"""
_DRAIN_SECONDS = 0.1
"""The most seconds to wait for the body of an answer if that body has no meaning (`Call.status_only`)."""
_IDLE_SECONDS = 4.0
"""Seconds that an idle connection is kept for the next call: less than most servers keep one, which they close without
warning."""
_LONGEST_PAUSE = 7 * 86_400.0
"""The most seconds that Retry-After can ask for: a longer time counts as this."""
_OURS = frozenset({"host", "connection", "content-length", "content-type", "transfer-encoding", "user-agent"})
"""The header fields of a client that are never forwarded, and neither are those that begin with webhook-: such fields
belong to the call itself."""


class HttpCaller:
    """A caller of hooks over HTTP: it sends each call to one URL by POST, and follows no redirects."""

    def __init__(self, url: str, signer: Signer, *, verify: bool = True, limit: int = BODY_LIMIT) -> None:
        """Open no connection yet. A result has at most `limit` + 1 bytes of the answer's body: the last shows that
        there were more. Without `verify`, any certificate is accepted.
        """
        self._url, self._signer, self._limit = url, signer, limit
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=verify, keepalive_timeout=_IDLE_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None),
            auto_decompress=False,
            trust_env=True,
            request_class=OutgoingRequest,
        )

    async def call(self, call: Call, seconds: float) -> Result:
        try:
            async with asyncio.timeout(seconds) as limit:
                return await self._post(call, limit)
        except TimeoutError:
            raise CallFailed(TIMEOUT) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise CallFailed(_reason(error)) from error

    async def aclose(self) -> None:
        await self._session.close()

    async def _post(self, call: Call, limit: asyncio.Timeout) -> Result:
        """Send the call and return the answer. For a call with `status_only`, the timeout `limit` no longer applies
        once the answer's status and header fields have arrived."""
        request = self._session.post(
            self._url, data=call.message.body, headers=self._headers(call), allow_redirects=False
        )
        async with request as response:
            if call.status_only:
                limit.reschedule(None)
                body = await _drain(response.content, self._limit + 1)
            else:
                body = await _read(response.content, self._limit + 1)
            return Result(status=response.status, body=body, retry_after=retry_after(response.headers))

    def _headers(self, call: Call) -> CIMultiDict[str]:
        headers = CIMultiDict(
            (name, value.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))
            for name, value in call.forwarded
            if name.lower() not in _OURS and not name.lower().startswith("webhook-")
        )
        if call.trace is not None and "traceparent" not in headers:
            headers.update(call.trace.headers)
        headers.update(call.message.headers)
        headers[hdrs.CONTENT_TYPE] = call.message.content_type
        headers[hdrs.ACCEPT_ENCODING] = "identity"
        headers[hdrs.USER_AGENT] = f"tusd-py/{__version__}"
        headers.update(self._signer.headers(call.id, call.message.body))
        return headers


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that Retry-After (RFC 9110, 10.2.3) asks for, by a number or a date: 0 for a date in the past,
    7 days for any longer time. None if the field is missing or not valid."""
    value = headers.get(hdrs.RETRY_AFTER, "").strip()
    if value.isascii() and value.isdigit():
        return min(float(value), _LONGEST_PAUSE)
    try:
        date = parsedate_to_datetime(value)
        seconds = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - time.time()
    except (ValueError, OverflowError):
        return None
    return min(max(seconds, 0.0), _LONGEST_PAUSE)


async def _read(content: aiohttp.StreamReader, limit: int) -> bytes:
    """Return the first `limit` bytes of a body, or all if it has fewer. The connection is closed if any are left."""
    body = b""
    while len(body) < limit and (chunk := await content.read(limit - len(body))):
        body += chunk
    return body


async def _drain(content: aiohttp.StreamReader, limit: int) -> bytes:
    """Read a body without meaning, so that the connection can be used again. Returns b""; a body that is late, cut or
    longer than the limit is left, and the connection closed."""
    with suppress(aiohttp.ClientError, OSError, TimeoutError, ValueError):
        async with asyncio.timeout(_DRAIN_SECONDS):
            await _read(content, limit)
    return b""


def _reason(error: Exception) -> str:
    """Return a few words in place of the error's message, which may hold the URL."""
    if isinstance(error, aiohttp.ClientSSLError):
        return "certificate not accepted"
    if isinstance(error, aiohttp.ClientConnectorError):
        return "no connection"
    return "connection broken" if isinstance(error, aiohttp.ClientError | OSError) else "not HTTP"
