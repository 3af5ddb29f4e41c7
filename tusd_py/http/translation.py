"""Between aiohttp's requests and responses and those that the protocols know."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import hdrs, web
from multidict import CIMultiDict

from tusd_py.http.context import MEANT
from tusd_py.protocol.wire import Reply, RequestHead

_OVERRIDE = "X-HTTP-Method-Override"
_REASONS = {460: "Checksum Mismatch"}
_TEXT = "text/plain; charset=utf-8"


def head_of(request: web.Request) -> RequestHead:
    """What the protocols want to know of a request."""
    return RequestHead(
        method=request.get(MEANT, request.method),
        on_upload="id" in request.match_info,
        headers=joined(request.headers),
        content_length=_framed_length(request),
    )


def meant_method(request: web.Request) -> str:
    """tus 1.0, X-HTTP-Method-Override: for clients that can send no other than POST."""
    meant = request.headers.get(_OVERRIDE, request.method) if request.method == hdrs.METH_POST else request.method
    return meant.upper()


def joined(headers: Mapping[str, str]) -> Mapping[str, str]:
    """A field that came in several lines as one (RFC 9110, 5.2): what must be single can then be seen not to be."""
    if len({name.lower() for name in headers}) == len(headers):
        return headers
    lines = CIMultiDict[list[str]]()
    for name, value in headers.items():
        lines.setdefault(name, []).append(value)
    return CIMultiDict((name, ", ".join(values)) for name, values in lines.items())


def _framed_length(request: web.Request) -> int | None:
    if request.content_length is not None:
        return request.content_length
    return None if request.body_exists else 0


def response_of(reply: Reply) -> web.Response:
    """A short text, or nothing."""
    body = None if reply.text is None else reply.text.encode()
    headers = dict(reply.headers) if body is None else {"Content-Type": _TEXT, **reply.headers}
    return web.Response(status=reply.status, reason=_REASONS.get(reply.status), headers=headers, body=body)
