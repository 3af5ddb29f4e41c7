"""CORS (Fetch standard): the header fields that let pages of other origins use this server, in responses and in answers
to preflights."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import hdrs, web

_METHODS = "POST, PUT, HEAD, PATCH, OPTIONS, GET, DELETE"
_ALLOWED = (
    *("Authorization", "X-Api-Key", "Upload-Token"),
    *("Content-Type", "Origin", "X-Requested-With", "X-Request-ID", "X-HTTP-Method-Override"),
    *("Tus-Resumable", "Upload-Length", "Upload-Defer-Length", "Upload-Metadata", "Upload-Offset", "Upload-Concat"),
    *("Upload-Checksum", "Upload-Complete", "Upload-Incomplete", "Upload-Draft-Interop-Version"),
    *("Content-Disposition", "Content-Digest", "Repr-Digest", "Want-Repr-Digest", "Want-Content-Digest"),
    *("Range", "If-Range", "If-Match", "If-None-Match", "Last-Event-ID"),
)
_EXPOSED = ", ".join(
    (
        *("Location", "Upload-Offset", "Upload-Length", "Upload-Metadata", "Upload-Defer-Length", "Upload-Concat"),
        *("Upload-Expires", "Tus-Resumable", "Tus-Version", "Tus-Extension", "Tus-Max-Size", "Tus-Checksum-Algorithm"),
        *("Upload-Complete", "Upload-Incomplete", "Upload-Limit", "Upload-Draft-Interop-Version", "Retry-After"),
        *("X-Request-ID", "Repr-Digest", "Accept-Patch", "ETag", "Accept-Ranges", "Content-Range"),
        *("Content-Disposition", "Link", "WWW-Authenticate"),
    )
)
_MAX_AGE = "86400"
_ORIGIN = re.compile(r"null|[A-Za-z][A-Za-z0-9+.-]{0,63}://[!-~]{0,512}")
"""An origin as browsers and apps write it, `capacitor://localhost` and `file://` among them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cors:
    """The origins whose pages may use this server, with which headers, and with credentials or without."""

    allow_origin: re.Pattern[str]
    """A pattern that must match the whole origin."""
    allow_credentials: bool
    allow_headers: Sequence[str] = ()
    """Request headers to allow in addition to the usual ones."""

    def allows(self, origin: str) -> bool:
        """Return True if pages of `origin` may use this server; False for text that is no origin."""
        return _ORIGIN.fullmatch(origin) is not None and self.allow_origin.fullmatch(origin) is not None

    async def decorate(self, request: web.Request, response: web.StreamResponse) -> None:
        """Add Vary and, if the request's origin is allowed, the CORS header fields, for OPTIONS also those of a
        preflight. `routes.decorate`, the handler for `on_response_prepare`, calls this, so that errors have them, too.
        """
        response.headers.add(hdrs.VARY, "Origin")
        origin = request.headers.get(hdrs.ORIGIN)
        if origin is None or not self.allows(origin):
            return
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = origin
        response.headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = _EXPOSED
        if self.allow_credentials:
            response.headers[hdrs.ACCESS_CONTROL_ALLOW_CREDENTIALS] = "true"
        if request.method == hdrs.METH_OPTIONS:
            self._answer_preflight(response)

    def _answer_preflight(self, response: web.StreamResponse) -> None:
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_METHODS] = _METHODS
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_HEADERS] = ", ".join((*_ALLOWED, *self.allow_headers))
        response.headers[hdrs.ACCESS_CONTROL_MAX_AGE] = _MAX_AGE
