"""The response to a download, decided before a byte is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from tusd_py.domain.metadata import Metadata
from tusd_py.domain.span import Span
from tusd_py.serving.conditions import failed_precondition, range_applies
from tusd_py.serving.dates import format_http_date
from tusd_py.serving.disposition import Presentation, present
from tusd_py.serving.media_types import served_type
from tusd_py.serving.ranges import UnsatisfiableRange, select_span

_SAFETY = {
    # Nothing in the object may run or load anything; a page that a browser makes around a video may still play it.
    "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; media-src 'self'",
    "Referrer-Policy": "no-referrer",
    # The unguessable URL is the key, and pages elsewhere (an application on another host) show these images.
    "Cross-Origin-Resource-Policy": "cross-origin",
}

_CACHING = {"Cache-Control": "private, no-transform"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedObject:
    """The facts about a finished object, and about the request, that a download depends on, apart from the request's
    method and header fields."""

    length: int
    etag: str
    """A strong validator, without its quotes."""
    modified: float
    """Seconds since the epoch."""
    metadata: Metadata = field(default_factory=dict)
    saved: bool = False
    """True if the client asks to save the object: Content-Disposition is then `attachment`, also for a type that
    browsers would show."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadPlan:
    """The response to a download: 200 or 206 with the bytes of `span`, or 304, 412 or 416 without bytes. For a HEAD,
    the bytes of `span` aren't to be sent."""

    status: HTTPStatus
    span: Span | None = None
    headers: Mapping[str, str]


def plan_download(method: str, headers: Mapping[str, str], obj: ServedObject) -> DownloadPlan:
    """Return the response to a GET or HEAD of the object. The conditions in the request's `headers` and, for GET, a
    range are evaluated (RFC 9110, 13.2.2 and 14). `headers` is case-insensitive, with the lines of a field joined in
    one value."""
    modified = int(obj.modified)
    failed = failed_precondition(headers, obj.etag, modified)
    if failed is not None:
        return DownloadPlan(status=failed, headers=_validator(obj) | _CACHING)
    wanted_range = headers.get("Range") if method == "GET" and range_applies(headers, obj.etag, modified) else None
    try:
        span = None if wanted_range is None else select_span(wanted_range, obj.length)
    except UnsatisfiableRange:
        return _unsatisfiable(obj)
    return _whole(obj) if span is None else _part(obj, span)


def _whole(obj: ServedObject) -> DownloadPlan:
    return DownloadPlan(status=HTTPStatus.OK, span=Span(0, obj.length), headers=_about(obj, obj.length))


def _part(obj: ServedObject, span: Span) -> DownloadPlan:
    headers = _about(obj, len(span)) | {"Content-Range": f"bytes {span.start}-{span.stop - 1}/{obj.length}"}
    return DownloadPlan(status=HTTPStatus.PARTIAL_CONTENT, span=span, headers=headers)


def _unsatisfiable(obj: ServedObject) -> DownloadPlan:
    headers = {"Content-Range": f"bytes */{obj.length}", "Accept-Ranges": "bytes"}
    return DownloadPlan(status=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers=headers)


def _about(obj: ServedObject, length: int) -> dict[str, str]:
    presentation = present(obj.metadata)
    return {
        **_validator(obj),
        **_CACHING,
        **_SAFETY,
        "Accept-Ranges": "bytes",
        "Content-Length": str(length),
        "Content-Type": served_type(presentation.content_type),
        **({"Content-Encoding": presentation.content_encoding} if presentation.content_encoding else {}),
        "Content-Disposition": _disposition(presentation, saved=obj.saved),
        "Last-Modified": format_http_date(int(obj.modified)),
    }


def _disposition(presentation: Presentation, *, saved: bool) -> str:
    disposition = presentation.content_disposition
    inline = disposition.startswith("inline")
    return f"attachment{disposition.removeprefix('inline')}" if saved and inline else disposition


def _validator(obj: ServedObject) -> dict[str, str]:
    return {"ETag": f'"{obj.etag}"'}
