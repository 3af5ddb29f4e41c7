"""CloudEvents, read by the CloudEvents project's own Python package."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from cloudevents.core.base import BaseCloudEvent
from cloudevents.core.bindings.http import HTTPMessage, from_http_event

from tests.support.deliveries import CALLER, NOON, READER, delivery
from tests.support.jobs import ended, job
from tusd_py.domain.caller import NO_CALLER, Caller
from tusd_py.domain.event_json import job_row
from tusd_py.domain.events import UPLOAD_TYPES, EventType
from tusd_py.domain.job import ENDED, Job, JobPhase
from tusd_py.domain.phase import Phase
from tusd_py.domain.place import Place
from tusd_py.domain.trace import Trace
from tusd_py.domain.upload import Kind
from tusd_py.domain.upload_id import UploadId
from tusd_py.events_out.formats.cloudevents import binary, structured, structured_job
from tusd_py.events_out.formats.facts import Message
from tusd_py.ports.outbox import Delivery, StoredEvent
from tusd_py.protocol.job_object import job_object

ID = f"{1:032x}"
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def read(message: Message) -> BaseCloudEvent:
    """Return the CloudEvent that a consumer reads from an HTTP request with the message's header fields and body."""
    headers = {"content-type": message.content_type, **message.headers}
    return from_http_event(HTTPMessage(headers, message.body))


def data(source: Delivery, place: Place | None = None) -> Any:
    facts = READER.read(source)
    message = structured(facts if place is None else replace(facts, place=place))
    return json.loads(message.body)["data"]


@pytest.mark.parametrize("form", [structured, binary])
@pytest.mark.parametrize("kind", UPLOAD_TYPES)
def test_the_makers_read_every_event(form: Any, kind: EventType) -> None:
    event = read(form(READER.read(delivery(kind=kind))))
    assert event.get_id() == f"evt_{ID}_{kind}"
    assert event.get_type() == f"tusdpy.upload.{kind}.v1"
    assert event.get_source() == "https://up.example.org/files/"
    assert event.get_subject() == event.get_extension("partitionkey") == ID
    time = event.get_time()
    assert time is not None
    assert time.timestamp() == NOON
    assert event.get_extension("sequence") == "0" * 19 + "1"
    assert event.get_datacontenttype() == "application/json"


def stored(of: Job) -> StoredEvent:
    row = job_row(of)
    return StoredEvent(
        seq=7, id=row.id, upload_id=UploadId(row.upload_id), type=EventType.JOB, at=row.at, document=row.document
    )


@pytest.mark.parametrize("phase", sorted(ENDED))
def test_the_makers_read_the_end_of_a_job(phase: JobPhase) -> None:
    over = ended(job(2, args={"name": "Men\u00fc"}, endpoint="https://up.example.org/files/"), NOON, phase)
    event = read(structured_job(READER.read_job(stored(over))))
    assert (event.get_id(), event.get_type()) == (f"evt_{over.id}_{phase}", f"tusdpy.job.{phase}.v1")
    assert (event.get_source(), event.get_subject()) == ("https://up.example.org/files/", over.upload_id)
    assert (event.get_extension("partitionkey"), event.get_extension("sequence")) == (over.upload_id, f"{7:020}")
    assert event.get_data() == {"job": job_object(over)}


def test_the_end_of_an_export_is_about_the_job_itself() -> None:
    over = ended(job(upload_id=None), NOON)
    event = read(structured_job(READER.read_job(stored(over))))
    assert (event.get_subject(), event.get_source()) == (over.id, READER.endpoint)


def test_a_set_endpoint_is_that_of_jobs_too() -> None:
    over = ended(job(endpoint="https://other.example/files/"), NOON)
    assert replace(READER, fixed_endpoint=True).read_job(stored(over)).endpoint == READER.endpoint


def test_both_modes_say_the_same() -> None:
    facts = READER.read(delivery(metadata={"filename": "Men\u00fc".encode()}))
    first, second = read(structured(facts)), read(binary(facts))
    content = second.get_data()
    assert first.get_attributes() == second.get_attributes()
    assert first.get_data() == (json.loads(content) if isinstance(content, str | bytes) else content)


def test_the_data_tells_all_of_the_upload() -> None:
    source = delivery(metadata={"filename": b"a.txt", "x": b"\xff"}, owner="ann", expires_at=NOON + 1.5, etag="abc")
    assert data(source) == {
        "upload": {
            "id": ID,
            "name": None,
            "kind": "single",
            "phase": "done",
            "length": 5,
            "offset": 5,
            "metadata": {"filename": "a.txt"},
            "metadata_base64": {"x": "/w=="},
            "owner": "ann",
            "etag": "abc",
            "digest": None,
            "created": "2027-01-15T08:00:00.000000Z",
            "updated": "2027-01-15T08:00:00.000000Z",
            "expires": "2027-01-15T08:00:01.500000Z",
            "storage": {"type": "file", "path": None},
        },
        "request": {
            "method": "PATCH",
            "path": "/files/x",
            "remote": "192.0.2.7",
            "user_agent": "test",
            "request_id": None,
        },
        "reason": None,
    }


def test_missing_length_and_request_are_null() -> None:
    content = data(delivery(caller=NO_CALLER, length=None, kind=EventType.EXPIRED, phase=Phase.TERMINATING))
    assert content["request"] is None
    assert (content["upload"]["length"], content["upload"]["phase"]) == (None, "gone")


@pytest.mark.parametrize(("kind", "word"), [(Kind.PARTIAL, "partial"), (Kind.FINAL, "final")])
def test_kinds_have_their_words(kind: Kind, word: str) -> None:
    facts = replace(READER.read(delivery()), event=replace(READER.read(delivery()).event))
    upload = replace(facts.event.upload, kind=kind)
    message = structured(replace(facts, event=replace(facts.event, upload=upload)))
    assert json.loads(message.body)["data"]["upload"]["kind"] == word


def test_objects_in_s3_are_named() -> None:
    place = Place(key="a/b", bucket="uploads", region="eu-central-1")
    assert data(delivery(), place)["upload"]["storage"] == {"type": "s3", "bucket": "uploads", "key": "a/b"}


@pytest.mark.parametrize(("trace", "expected"), [(TRACE, TRACE), ("00-nonsense", None), (None, None)])
def test_the_trace_of_the_request_goes_on(trace: str | None, expected: str | None) -> None:
    headers = {} if trace is None else {"Traceparent": trace, "tracestate": "a=1"}
    event = read(structured(READER.read(delivery(caller=replace(CALLER, headers=headers)))))
    assert event.get_extension("traceparent") == expected
    assert event.get_extension("tracestate") == ("a=1" if expected else None)


def test_the_trace_of_the_creation_comes_first() -> None:
    first = Trace(f"00-{'1' * 32}-{'2' * 16}-01")
    facts = READER.read(delivery(caller=replace(CALLER, headers={"traceparent": TRACE, "tracestate": "a=1"})))
    event = read(
        structured(replace(facts, event=replace(facts.event, upload=replace(facts.event.upload, trace=first))))
    )
    assert (event.get_extension("traceparent"), event.get_extension("tracestate")) == (first.parent, None)


def test_header_fields_hold_visible_ascii_only() -> None:
    caller = replace(CALLER, headers={"traceparent": TRACE, "tracestate": 'a= "%'})
    assert binary(READER.read(delivery(caller=caller))).headers["ce-tracestate"] == "a=%20%22%25"


def test_endpoint_is_fixed_or_from_request_or_server() -> None:
    fixed = replace(READER, endpoint="https://set/", fixed_endpoint=True)
    assert fixed.read(delivery()).endpoint == "https://set/"
    assert READER.read(delivery()).endpoint == "https://up.example.org/files/"
    assert READER.read(delivery(caller=Caller(method="x"))).endpoint == "http://127.0.0.1/files/"
