"""The spans of requests, of the calls that they wait for and of the deliveries that they cause, as an application that
mounts the server gets them from its OpenTelemetry provider."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from tests.support.receiver import receiving
from tests.support.tus import TusClient, until
from tusd_py import create_app
from tusd_py.config import LocalDirectory, MemoryState, S3Bucket, Settings
from tusd_py.http.context import CONTEXT
from tusd_py.telemetry import traced
from tusd_py.telemetry.tracing import SpanMeter, Tracing, hash_of

CLIENT = f"00-{'1' * 32}-{'2' * 16}-01"
OTHER = f"00-{'3' * 32}-{'4' * 16}-01"


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    """Give OpenTelemetry a provider in this process, and return the exporter that keeps its ended spans in memory."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    return exporter


@asynccontextmanager
async def running(folder: Path, hooks: object = None, **settings: Any) -> AsyncIterator[TusClient]:
    chosen: dict[str, Any] = {"state": MemoryState(), "storage": LocalDirectory(folder), **settings}
    app = create_app(Settings(**chosen), hooks)
    app.router.add_get("/broken", _break)
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        yield TusClient(session, str(server.make_url("/files/")))


async def _break(_: web.Request) -> web.Response:
    raise LookupError("a secret")


def spans_of(spans: InMemorySpanExporter, name: str) -> Sequence[ReadableSpan]:
    return [span for span in spans.get_finished_spans() if span.name == name]


def ids(span: ReadableSpan) -> tuple[str, str]:
    """The hexadecimal ids of the trace and of the parent span; the latter is empty without a parent."""
    return f"{span.context.trace_id:032x}", f"{span.parent.span_id:016x}" if span.parent else ""


def links(span: ReadableSpan) -> Sequence[str]:
    return [f"{link.context.span_id:016x}" for link in span.links]


async def test_a_request_has_a_span_in_the_client_s_trace(spans: InMemorySpanExporter, tmp_path: Path) -> None:
    async with running(tmp_path) as tus:
        url = await tus.create(3, b"abc", traceparent=CLIENT)
    [span] = spans.get_finished_spans()
    assert (span.name, span.kind, span.status.status_code) == ("POST /files/", SpanKind.SERVER, StatusCode.UNSET)
    assert ids(span) == ("1" * 32, "2" * 16)
    assert dict(span.attributes or {}) == {
        "http.request.method": "POST",
        "http.route": "/files/",
        "http.response.status_code": 201,
        "tusdpy.upload.hash": hash_of(url.rpartition("/")[2]),
    }


async def test_later_requests_are_linked_with_the_creation(spans: InMemorySpanExporter, tmp_path: Path) -> None:
    async with running(tmp_path) as tus:
        url = await tus.create(3, traceparent=CLIENT)
        [created] = spans.get_finished_spans()
        await tus.patch(url, 0, b"ab", traceparent=OTHER)
        await tus.patch(url, 2, b"c", traceparent=CLIENT)
        await tus.get(url)
    patched, finished = spans_of(spans, "PATCH /files/{id}")
    [read] = spans_of(spans, "GET /files/{id}")
    assert ids(patched) == ("3" * 32, "4" * 16)
    assert links(patched) == links(read) == [f"{created.context.span_id:016x}"]
    assert links(finished) == [], "it is in the same trace"
    assert (patched.attributes or {})["tusdpy.upload.hash"] == (created.attributes or {})["tusdpy.upload.hash"]


async def test_no_span_has_an_id_or_a_url(
    spans: InMemorySpanExporter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traced, "_SLOW_SECONDS", 0.0)
    async with running(tmp_path) as tus:
        url = await tus.create(3)
        await tus.patch(url, 0, b"abc")
        await tus.get(f"{url}?token=s3cret")
        await tus.terminate(url)
        await tus.head(url)
        await tus.get(tus.url.replace("/files/", "/broken?s3cret"))
    text = "".join(span.to_json() for span in spans.get_finished_spans())
    assert url.rpartition("/")[2] not in text
    assert [secret for secret in ("s3cret", "127.0.0.1", "a secret", str(tmp_path)) if secret in text] == []


async def test_refusals_and_failures_say_of_which_kind_they_are(spans: InMemorySpanExporter, tmp_path: Path) -> None:
    async with running(tmp_path) as tus:
        await tus.head(tus.url + "0" * 32)
        await tus.request("PROPFIND", tus.url)
        await tus.get(tus.url.replace("/files/", "/nowhere"))
        await tus.get(tus.url.replace("/files/", "/broken"))
        await tus.get(tus.url.replace("/files/", "/healthz"))
    missing, unknown, nowhere, broken = spans.get_finished_spans()
    assert told_of(missing) == ("HEAD /files/{id}", 404, "not-found", StatusCode.UNSET)
    assert (missing.attributes or {})["tusdpy.upload.hash"] == hash_of("0" * 32)
    assert told_of(unknown) == ("HTTP /files/", 405, "method-not-allowed", StatusCode.UNSET)
    assert (unknown.attributes or {})["http.request.method"] == "_OTHER"
    assert told_of(nowhere) == ("GET", 404, None, StatusCode.UNSET)
    assert told_of(broken) == ("GET /broken", None, "LookupError", StatusCode.ERROR)
    assert broken.events == ()


def told_of(span: ReadableSpan) -> tuple[object, ...]:
    attributes = span.attributes or {}
    return (
        span.name,
        attributes.get("http.response.status_code"),
        attributes.get("error.type"),
        span.status.status_code,
    )


async def test_slow_saves_have_spans(
    spans: InMemorySpanExporter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path) as tus:
        url = await tus.create(3)
        monkeypatch.setattr(traced, "_SLOW_SECONDS", 0.0)
        await tus.patch(url, 0, b"abc")
        await tus.create(3)
    [patched] = spans_of(spans, "PATCH /files/{id}")
    saves = spans_of(spans, "state save")
    assert saves
    assert {(save.context.trace_id, save.kind) for save in saves} == {(patched.context.trace_id, SpanKind.CLIENT)}
    assert {save.parent and save.parent.span_id for save in saves} == {patched.context.span_id}
    assert len(spans_of(spans, "state create")) == 1


class Hooks:
    """Hooks in Python: `pre_create` accepts each creation, `pre_finish` raises RuntimeError."""

    async def pre_create(self, _: Mapping[str, Any]) -> None:
        """Accept the creation."""

    async def pre_finish(self, _: Mapping[str, Any]) -> None:
        raise RuntimeError


async def test_questions_and_deliveries_have_spans(spans: InMemorySpanExporter, tmp_path: Path) -> None:
    enabled = ("pre-create", "pre-finish", "post-create")
    async with running(tmp_path, Hooks(), hooks_enabled_events=enabled) as tus:
        assert (await tus.try_create(3, b"abc", traceparent=CLIENT)).status == 503
        await until(has_any(lambda: spans_of(spans, "deliver created")))
    [request] = spans_of(spans, "POST /files/")
    [question], [failed] = spans_of(spans, "hook pre-create"), spans_of(spans, "hook pre-finish")
    assert (question.kind, ids(question)) == (SpanKind.CLIENT, ("1" * 32, f"{request.context.span_id:016x}"))
    assert dict(question.attributes or {}) == {"tusdpy.hook": "pre-create", "tusdpy.outcome": "ok"}
    assert ((failed.attributes or {})["error.type"], failed.status.status_code) == ("failed", StatusCode.ERROR)
    [delivered] = spans_of(spans, "deliver created")
    assert (delivered.kind, links(delivered)) == (SpanKind.PRODUCER, [f"{request.context.span_id:016x}"])
    assert told_of(request)[2:] == ("hook-failed", StatusCode.ERROR)


async def test_hooks_and_events_get_the_span(spans: InMemorySpanExporter, tmp_path: Path) -> None:
    async with receiving() as hook, receiving() as events:
        settings = {"hooks_http": hook.url, "events_to": events.url, "hooks_enabled_events": "pre-create,post-finish"}
        async with running(tmp_path, **settings) as tus:
            url = await tus.create(3, traceparent=CLIENT)
            await tus.patch(url, 0, b"abc", traceparent=OTHER)
            question, finished = await hook.wait(2)
            deliveries = await events.wait(2)
    [created], [patched] = spans_of(spans, "POST /files/"), spans_of(spans, "PATCH /files/{id}")
    assert question.headers["traceparent"] == f"00-{'1' * 32}-{created.context.span_id:016x}-01"
    assert finished.headers["traceparent"] == f"00-{'3' * 32}-{patched.context.span_id:016x}-01"
    assert {event.json["traceparent"] for event in deliveries} == {question.headers["traceparent"]}


def test_calls_to_s3_have_spans_within_a_request(spans: InMemorySpanExporter) -> None:
    meter = SpanMeter()
    meter.s3_request("HeadBucket", 0.1, "ok")
    with Tracing().serving("PATCH", "/files/{id}", {}):
        meter.s3_request("UploadPart", 0.25, "ok")
        meter.s3_request("UploadPart", 0.5, "SlowDown")
    first, second, request = spans.get_finished_spans()
    assert {span.name for span in (first, second)} == {"S3.UploadPart"}
    assert {span.parent and span.parent.span_id for span in (first, second)} == {request.context.span_id}
    assert dict(first.attributes or {}) == {"rpc.system": "aws-api", "rpc.service": "S3", "rpc.method": "UploadPart"}
    assert ((second.attributes or {})["error.type"], second.status.status_code) == ("SlowDown", StatusCode.ERROR)
    assert [(span.end_time or 0) - (span.start_time or 0) for span in (first, second)] == [250_000_000, 500_000_000]


async def test_a_request_s_calls_to_s3_are_below_it(
    spans: InMemorySpanExporter, tmp_path: Path, moto_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"):
        monkeypatch.setenv(name, "us-east-1")
    async with running(tmp_path, storage=S3Bucket("uploads", "traced/"), s3_endpoint_url=moto_endpoint) as tus:
        url = await tus.create(3, b"abc")
    [request] = spans_of(spans, "POST /files/")
    [put] = spans_of(spans, "S3.PutObject")
    assert (put.context.trace_id, put.parent) == (request.context.trace_id, request.context)
    text = "".join(span.to_json() for span in spans.get_finished_spans())
    assert [secret for secret in (url.rpartition("/")[2], "traced/", moto_endpoint) if secret in text] == []


def test_a_client_that_leaves_gets_no_status(spans: InMemorySpanExporter) -> None:
    with Tracing().serving("PATCH", "/files/{id}", {}) as span:
        span.record_leave()
    [ended] = spans.get_finished_spans()
    assert told_of(ended) == ("PATCH /files/{id}", None, "client-closed", StatusCode.UNSET)


async def test_without_a_provider_nothing_is_traced(tmp_path: Path) -> None:
    app = create_app(Settings(state=MemoryState(), storage=LocalDirectory(tmp_path)))
    async with TestServer(app):
        assert app[CONTEXT].tracing is None
        assert type(app[CONTEXT].engine.state) is not traced.TracedState


def has_any(find: Callable[[], Sequence[object]]) -> Callable[[], Any]:
    async def check() -> bool:
        await asyncio.sleep(0)
        return bool(find())

    return check
