"""Translation of aiohttp's requests into the protocols' heads, and of their replies into aiohttp's responses."""

from __future__ import annotations

import re
from collections.abc import Mapping

from aiohttp import hdrs, web
from multidict import CIMultiDict

from tusd_py.domain.refusals import Malformed
from tusd_py.http.context import EFFECTIVE_METHOD
from tusd_py.protocol.wire import Reply, RequestHead

_OVERRIDE = "X-HTTP-Method-Override"
_METHOD = re.compile(r"[A-Za-z-]{1,32}")
"""The pattern of a method in X-HTTP-Method-Override: letters and hyphens, as registered methods have them (RFC 9110,
16.1), so that questions to authentication servers and hooks may repeat the name."""
_REASONS = {460: "Checksum Mismatch"}
_TEXT = "text/plain; charset=utf-8"


def head_of(request: web.Request) -> RequestHead:
    """Return the parts of a request that the protocols read: its method (that of X-HTTP-Method-Override, once
    `Route.answer` has read it for a route that is `overridden`), its header fields, the length of its body (None if
    unknown), and if its URL names an upload."""
    return RequestHead(
        method=request.get(EFFECTIVE_METHOD, request.method),
        on_upload="id" in request.match_info,
        headers=combine_lines(request.headers),
        content_length=_framed_length(request),
    )


def effective_method(request: web.Request) -> str:
    """Return the method in upper case; for POST, that of X-HTTP-Method-Override if there is one: some clients can send
    no other (tus 1.0). Raises Malformed if the field is no name of a method, as one with two values isn't.
    """
    if request.method != hdrs.METH_POST or _OVERRIDE not in request.headers:
        return request.method.upper()
    method = ", ".join(request.headers.getall(_OVERRIDE))
    if not _METHOD.fullmatch(method):
        raise Malformed(f"{_OVERRIDE} is not one method")
    return method.upper()


def combine_lines(headers: Mapping[str, str]) -> Mapping[str, str]:
    """Return the fields, those of several lines joined by commas (RFC 9110, 5.2): so a second value of a single-valued
    field makes the field invalid, and isn't ignored."""
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
    """Return the aiohttp response for a reply, with the reply's text as its body, or without a body if the text is
    None. The type of the text is text/plain unless the reply's header fields name another."""
    body = None if reply.text is None else reply.text.encode()
    headers = dict(reply.headers) if body is None else {"Content-Type": _TEXT, **reply.headers}
    return web.Response(status=reply.status, reason=_REASONS.get(reply.status), headers=headers, body=body)
