"""The environment variables of OpenTelemetry that make the server export spans, and those with values that it can't
follow, for which it raises ConfigurationError at its start."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from opentelemetry import trace
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.support.receiver import receiving
from tests.support.server import serving
from tests.support.tus import TusClient
from tusd_py.domain.errors import ConfigurationError
from tusd_py.server.tracing_wiring import exporting, find_tracing

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}


@pytest.fixture(autouse=True)
def provider(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let OpenTelemetry have no provider when the test begins, and restore the earlier state at its end."""
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", None)
    monkeypatch.setattr(trace._TRACER_PROVIDER_SET_ONCE, "_done", False)


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"OTEL_SERVICE_NAME": "mine"},
        {**ENDPOINT, "OTEL_SDK_DISABLED": "TRUE"},
        {**ENDPOINT, "OTEL_TRACES_EXPORTER": "none"},
        {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://127.0.0.1:9"},
    ],
)
def test_these_variables_switch_nothing_on(environ: Mapping[str, str]) -> None:
    with exporting(environ):
        assert find_tracing() is None


@pytest.mark.parametrize(
    "environ",
    [
        ENDPOINT,
        {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:9"},
        {"OTEL_TRACES_EXPORTER": "OTLP"},
        {"OTEL_TRACES_EXPORTER": "console"},
        {**ENDPOINT, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"},
    ],
)
def test_these_variables_switch_tracing_on(environ: Mapping[str, str]) -> None:
    with exporting(environ):
        assert find_tracing() is not None


@pytest.mark.parametrize(
    ("environ", "complaint"),
    [
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "OTEL_TRACES_EXPORTER 'zipkin': expected otlp, console or none"),
        ({**ENDPOINT, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "OTEL_EXPORTER_OTLP_PROTOCOL 'grpc': expected http/"),
    ],
)
def test_what_can_not_be_exported_ends_the_start(environ: Mapping[str, str], complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint), exporting(environ):
        raise AssertionError


@pytest.mark.parametrize("name", ["OTEL_BSP_MAX_QUEUE_SIZE", "OTEL_BSP_SCHEDULE_DELAY", "OTEL_ATTRIBUTE_COUNT_LIMIT"])
def test_a_value_that_the_sdk_refuses_is_one_line(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "-1")
    line = r"^OpenTelemetry refuses its variables \(OTEL_…\): \w.*$"
    with pytest.raises(ConfigurationError, match=line), exporting(ENDPOINT):
        raise AssertionError


@pytest.mark.parametrize(
    "library", ["opentelemetry.sdk.trace", "opentelemetry.exporter.otlp.proto.http.trace_exporter"]
)
def test_a_missing_extra_is_named(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    line = r"^OTEL_EXPORTER_OTLP_ENDPOINT: opentelemetry-sdk is missing: install tusd-py\[otel\]$"
    with pytest.raises(ConfigurationError, match=line), exporting(ENDPOINT):
        raise AssertionError


@pytest.mark.parametrize("workers", [1, 2])
async def test_a_server_exports_its_spans_until_its_end(workers: int, tmp_path: Path) -> None:
    async with receiving() as collector:
        endpoint = collector.url.removesuffix("/hook")
        environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_RESOURCE_ATTRIBUTES": "team=files"}
        async with serving(tmp_path, environment=environment, workers=workers) as server, server.session() as session:
            await TusClient(session, server.url).create(3, b"abc")
            assert await server.stop() == 0
        requests = [ExportTraceServiceRequest.FromString(arrival.body) for arrival in collector.arrivals]
    exported = [spans for request in requests for spans in request.resource_spans]
    names = [span.name for spans in exported for scope in spans.scope_spans for span in scope.spans]
    assert "POST /files/" in names
    resource = {attribute.key: attribute.value.string_value for attribute in exported[0].resource.attributes}
    assert (resource["service.name"], resource["team"]) == ("tusd-py", "files")
    assert {arrival.path for arrival in collector.arrivals} == {"/v1/traces"}
