"""The assembly of tracing from the environment variables of OpenTelemetry (OTEL_…), as its specification has them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tusd_py.domain.errors import ConfigurationError
from tusd_py.engine.pairing import PairedState
from tusd_py.ports.meter import Meter
from tusd_py.ports.sink import Sink
from tusd_py.server.extras import importing
from tusd_py.version import __version__

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter

    from tusd_py.telemetry.tracing import Tracing

_EXPORTER = "OTEL_TRACES_EXPORTER"
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_HTTP = "http/protobuf"


def find_tracing() -> Tracing | None:
    """Return the maker of spans; None unless OpenTelemetry has a provider in this process: this server's, or that of an
    application around it."""
    api = sys.modules.get("opentelemetry.trace")
    if api is None or isinstance(api.get_tracer_provider(), api.ProxyTracerProvider):
        return None
    from tusd_py.telemetry.tracing import Tracing  # noqa: PLC0415  OpenTelemetry takes a while

    return Tracing()


def span_meters(tracing: Tracing | None) -> Sequence[Meter]:
    """Return the meters that make spans within a request: of calls to S3 and of questions to hooks. Empty without
    tracing."""
    if tracing is None:
        return ()
    from tusd_py.telemetry.tracing import SpanMeter  # noqa: PLC0415  as above

    return (SpanMeter(),)


def pairing_of(tracing: Tracing | None) -> type[PairedState]:
    """Return the class of the engine's state: `PairedState`, which serves no upload before it is known to belong to the
    storage; or with tracing a subclass that, within a request, also makes spans of slow creations and saves of uploads,
    and of saves that replace all entries, and records in the request's span a hash of the id of the upload that it
    loads or creates (of the last one, if they are several)."""
    if tracing is None:
        return PairedState
    from tusd_py.telemetry.traced import TracedState  # noqa: PLC0415  as above

    return TracedState


def sink_wrapper(tracing: Tracing | None) -> Callable[[Sink], Sink] | None:
    """Return the wrapper of a sink that makes a span for each delivery; None without tracing."""
    if tracing is None:
        return None
    from tusd_py.telemetry.traced import TracedSink  # noqa: PLC0415  as above

    return TracedSink


@contextmanager
def exporting(environ: Mapping[str, str]) -> Iterator[None]:
    """Make spans and export them until the end of the context, if the variables in `environ` ask for that. Raises
    ConfigurationError, also if OpenTelemetry's SDK is missing or refuses a variable."""
    name = _exporter_name(environ)
    if name is None:
        yield
        return
    with importing("otel", "opentelemetry-sdk", next(filter(environ.get, (_EXPORTER, *_ENDPOINTS)))), _one_line():
        provider = _provider(_exporter(name, environ))
    try:
        yield
    finally:
        provider.shutdown()


@contextmanager
def _one_line() -> Iterator[None]:
    """Turn an error that the SDK raises for a variable's value into a ConfigurationError of one line."""
    try:
        yield
    except (ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise ConfigurationError(f"OpenTelemetry refuses its variables (OTEL_…): {reason}") from error


def _exporter_name(environ: Mapping[str, str]) -> str | None:
    """Return the name of the exporter in lower case: the one that OTEL_TRACES_EXPORTER names, else `otlp` if
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT or OTEL_EXPORTER_OTLP_ENDPOINT is set. None if none of the three is set, if the
    name is `none`, or if OTEL_SDK_DISABLED is `true`."""
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return None
    name = environ.get(_EXPORTER, "").strip().lower()
    return {"": "otlp" if any(map(environ.get, _ENDPOINTS)) else None, "none": None}.get(name, name)


def _exporter(name: str, environ: Mapping[str, str]) -> SpanExporter:
    if name == "console":
        from opentelemetry.sdk.trace.export import ConsoleSpanExporter  # noqa: PLC0415  an extra

        return ConsoleSpanExporter(out=sys.stderr)
    if name != "otlp":
        raise ConfigurationError(f"{_EXPORTER} {name!r}: expected otlp, console or none")
    protocol = next(filter(None, map(environ.get, _PROTOCOLS)), _HTTP)
    if protocol != _HTTP:
        raise ConfigurationError(f"OTEL_EXPORTER_OTLP_PROTOCOL {protocol!r}: expected {_HTTP}")
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415  an extra

    return OTLPSpanExporter()


def _provider(exporter: SpanExporter) -> TracerProvider:
    from opentelemetry import trace  # noqa: PLC0415  it takes a while
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource  # noqa: PLC0415  an extra
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415  likewise
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415  likewise

    service = {"service.name": "tusd-py", "service.version": __version__}
    provider = TracerProvider(resource=Resource.create(service).merge(OTELResourceDetector().detect()))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    return provider
