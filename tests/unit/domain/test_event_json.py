"""The JSON of events, as outboxes hold it: the parts of a caller that it stores, and their sizes."""

from __future__ import annotations

import json

import pytest

from tests.support.uploads import upload
from tusd_py.domain.access_refusals import Unauthenticated
from tusd_py.domain.caller import Caller
from tusd_py.domain.event_json import decode_event, event_row
from tusd_py.domain.events import Event, EventType
from tusd_py.domain.principal import UPLOAD, Principal
from tusd_py.domain.record_json import encode
from tusd_py.domain.trace import Trace


@pytest.mark.parametrize(
    ("caller", "identity"),
    [
        (Caller(principal=Principal(subject="alice", tenant="t", scopes=frozenset({UPLOAD}))), "alice"),
        (Caller(address="192.0.2.7"), None),
        (Caller(denial=Unauthenticated(invalid=True)), None),
    ],
)
def test_of_a_credential_only_its_subject_is_stored(caller: Caller, identity: str | None) -> None:
    record = upload()
    row = event_row(Event(type=EventType.CREATED, upload=record, caller=caller), record, encode(record))
    assert json.loads(row.document)["request"]["identity"] == identity
    assert decode_event(EventType.CREATED, row.document).caller.subject == identity


@pytest.mark.parametrize("span", [None, Trace("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "a=1")])
def test_the_span_of_the_request_is_stored(span: Trace | None) -> None:
    record = upload()
    row = event_row(Event(type=EventType.CREATED, upload=record, caller=Caller(span=span)), record, encode(record))
    assert decode_event(EventType.CREATED, row.document).caller.trace == span


def stored_headers(caller: Caller) -> list[list[str]]:
    """Return the caller's header fields that the JSON of an event stores, as lists of name and value."""
    record = upload()
    row = event_row(Event(type=EventType.CREATED, upload=record, caller=caller), record, encode(record))
    headers: list[list[str]] = json.loads(row.document)["request"]["headers"]
    return headers


@pytest.mark.parametrize("filler", ["a" * 9_000, "\udcff" * 3_000])
def test_a_long_field_is_dropped_and_others_are_kept(filler: str) -> None:
    headers = {"X-A": filler, "Host": "h", "X-B": "b"}
    assert stored_headers(Caller(headers=headers, verbose=True)) == [["Host", "h"], ["X-B", "b"]]


def test_of_many_fields_those_the_settings_name_are_kept() -> None:
    filler = {f"X-{number}": "a" * 100 for number in range(100)}
    caller = Caller(headers={**filler, "X-User": "alice"}, verbose=True, storable=frozenset({"x-user"}))
    first, *fields = stored_headers(caller)
    assert first == ["X-User", "alice"]
    assert fields == [list(line) for line in list(filler.items())[: len(fields)]]
    assert 7_000 < len(json.dumps([first, *fields], separators=(",", ":"))) < 8_400


def test_where_no_sink_is_told_of_them_few_fields_are_kept() -> None:
    brief = {"User-Agent": "a", "TraceParent": "b", "tracestate": "c"}
    assert stored_headers(Caller(headers={"Host": "h", **brief, "X-B": "b"})) == [list(line) for line in brief.items()]


def test_long_targets_are_cut_and_long_endpoints_are_left_out() -> None:
    record, caller = upload(), Caller(target="/files/?" + "a" * 9_000, endpoint=f"http://{'a' * 9_000}/files/")
    row = event_row(Event(type=EventType.CREATED, upload=record, caller=caller), record, encode(record))
    stored = decode_event(EventType.CREATED, row.document).caller
    assert (stored.target, stored.endpoint) == (caller.target[:2048], "")
