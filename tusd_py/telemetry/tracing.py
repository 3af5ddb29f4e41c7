"""Spans of requests, of what they wait for, and of deliveries, on OpenTelemetry's API; imported only if there is a
provider of them.

No span holds a URL, a key or an id: a client that knows an upload's id may use the upload. Spans name an upload by a
part of its id's hash.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from opentelemetry import trace
from opentelemetry.trace import Link, Span, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from tusd_py.domain.trace import Trace, read_trace
from tusd_py.domain.upload import Upload
from tusd_py.ports.meter import Meter
from tusd_py.version import __version__

HASH_LENGTH = 8
"""The number of hexadecimal digits of an upload id's SHA-256 that name the upload in spans."""
_SERVER_ERROR = 500
_NANOSECONDS = 1_000_000_000
_W3C: Final = TraceContextTextMapPropagator()
_current: ContextVar[RequestSpan | None] = ContextVar("request_span", default=None)
Attributes = Mapping[str, str | int]


class RequestSpan:
    """The span of a request."""

    def __init__(self, span: Span) -> None:
        self._span = span
        self._uploads = set[str]()
        """The ids of the uploads that `concern` has recorded already."""

    @property
    def trace(self) -> Trace | None:
        """The place of the span in its trace. If the provider makes no spans, the place of the client's span that the
        request named; None if it named none."""
        return read_trace(_carrier(self._span))

    def name_upload(self, upload_id: str) -> None:
        self._span.set_attribute("tusdpy.upload.hash", hash_of(upload_id))

    def concern(self, upload: Upload) -> None:
        """Record the hash of the upload's id (`hash_of`) in this span, in place of another upload's, and link this span
        with that of the upload's creation, if that is known and in another trace. Does nothing if it was called for the
        same upload before."""
        if upload.id in self._uploads:
            return
        self._uploads.add(upload.id)
        self.name_upload(upload.id)
        creation = _context_of(upload.trace)
        if creation is not None and creation.trace_id != self._span.get_span_context().trace_id:
            self._span.add_link(creation)

    def answered(self, status: int, code: str | None) -> None:
        """Record the response's status and, if the request was refused, the refusal's `code` as the error. From 500 on,
        mark the span as failed; the error is then the status if there is no code."""
        self._span.set_attribute("http.response.status_code", status)
        if code is not None or status >= _SERVER_ERROR:
            self._span.set_attribute("error.type", code or str(status))
        if status >= _SERVER_ERROR:
            self._span.set_status(StatusCode.ERROR)

    def record_leave(self) -> None:
        """Record that the connection was closed without a response, by the client or, as the request's body stalled or
        was broken off, by the server."""
        self._span.set_attribute("error.type", "client-closed")

    def failed(self, error: Exception) -> None:
        """Record an unforeseen error, by the name of its class alone."""
        self._span.set_attribute("error.type", type(error).__name__)
        self._span.set_status(StatusCode.ERROR)


class Tracing:
    """A maker of the spans of requests."""

    @contextmanager
    def serving(self, method: str | None, route: str | None, headers: Mapping[str, str]) -> Iterator[RequestSpan]:
        """Make the span of a request, current within the context, and a child of the span that `headers` name or else
        of the current one, if any.

        `method` is None for an unknown one; `route` is the pattern of the path, None if no route serves the path with
        the method. The span's name and first attributes are those of OpenTelemetry's conventions for HTTP.
        """
        client = read_trace(headers)
        attributes = {"http.request.method": method or "_OTHER", **({"http.route": route} if route else {})}
        name = method or "HTTP"
        with _tracer().start_as_current_span(
            f"{name} {route}" if route else name,
            context=None if client is None else _W3C.extract(client.headers),
            kind=SpanKind.SERVER,
            attributes=attributes,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            request_span = RequestSpan(span)
            token = _current.set(request_span)
            try:
                yield request_span
            finally:
                _current.reset(token)


class SpanMeter(Meter):
    """A meter that makes a span of each attempt at an S3 operation, or at a question to a hook, that it is told of
    within a request or a task begun there."""

    def s3_request(self, operation: str, seconds: float, outcome: str) -> None:
        attributes = {"rpc.system": "aws-api", "rpc.service": "S3", "rpc.method": operation}
        add_span(f"S3.{operation}", seconds, attributes, error=None if outcome == "ok" else outcome)

    def hook_called(self, hook: str, seconds: float, outcome: str) -> None:
        error = None if outcome in {"ok", "rejected"} else outcome
        add_span(f"hook {hook}", seconds, {"tusdpy.hook": hook, "tusdpy.outcome": outcome}, error=error)


def current_request() -> RequestSpan | None:
    """Return the span of the request in which this is called, or in which the current task was begun; None outside of
    requests."""
    return _current.get()


def add_span(name: str, seconds: float, attributes: Attributes, *, error: str | None = None) -> None:
    """Add the span of a call that took `seconds` and ends now. `error` names the error of a failed call. Does nothing
    outside of requests and tasks begun there."""
    if _current.get() is None:
        return
    now = time.time_ns()
    labelled = dict(attributes) if error is None else {**attributes, "error.type": error}
    span = _tracer().start_span(
        name, kind=SpanKind.CLIENT, attributes=labelled, start_time=now - int(seconds * _NANOSECONDS)
    )
    if error is not None:
        span.set_status(StatusCode.ERROR)
    span.end(now)


@contextmanager
def delivering(kind: str, cause: Trace | None) -> Iterator[None]:
    """Make the span of the delivery of an event of the type `kind`, linked with the span `cause`, that of the upload's
    creation, if there is one. An exception within the context is recorded as the span's error, and raised."""
    context = _context_of(cause)
    links = [] if context is None else [Link(context)]
    with _tracer().start_as_current_span(
        f"deliver {kind}", kind=SpanKind.PRODUCER, links=links, record_exception=False, set_status_on_exception=False
    ) as span:
        try:
            yield
        except Exception as error:
            span.set_attribute("error.type", type(error).__name__)
            span.set_status(StatusCode.ERROR)
            raise


def hash_of(upload_id: str) -> str:
    """Return the name of an upload in spans: the first `HASH_LENGTH` digits of its id's SHA-256."""
    return hashlib.sha256(upload_id.encode()).hexdigest()[:HASH_LENGTH]


def _tracer() -> trace.Tracer:
    return trace.get_tracer("tusd_py", __version__)


def _carrier(span: Span) -> Mapping[str, str]:
    carrier = dict[str, str]()
    _W3C.inject(carrier, trace.set_span_in_context(span))
    return carrier


def _context_of(place: Trace | None) -> trace.SpanContext | None:
    return None if place is None else trace.get_current_span(_W3C.extract(place.headers)).get_span_context()
