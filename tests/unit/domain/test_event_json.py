"""Events as outboxes hold them, for every version that reads them."""

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
