from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.support.deliveries import READER, delivery
from tests.support.uploads import upload
from tusd_py.domain import lifecycle
from tusd_py.domain.caller import NO_CALLER
from tusd_py.domain.checkpoint import Checkpoint, Finished
from tusd_py.domain.events import EventType, Reason
from tusd_py.domain.place import Place
from tusd_py.domain.upload import Kind
from tusd_py.events_out.formats.facts import Facts
from tusd_py.events_out.formats.s3 import message

PLACE = Place(key="in/red flower+\u00fc.jpg", bucket="uploads", region="eu-central-1")


def facts(type_: EventType = EventType.FINISHED, **changes: Any) -> Facts:
    read = replace(READER.read(delivery(number=42, kind=type_)), place=PLACE)
    return replace(read, event=replace(read.event, upload=replace(read.event.upload, **changes)))


def record(source: Facts) -> Any:
    notification = message(source)
    assert notification is not None
    [only] = json.loads(notification.body)["Records"]
    return only


def test_a_finished_upload_is_a_created_object() -> None:
    assert record(facts(etag="abc-3", owner="ann")) == {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "eu-central-1",
        "eventTime": "2027-01-15T08:00:00.000Z",
        "eventName": "ObjectCreated:CompleteMultipartUpload",
        "userIdentity": {"principalId": "ann"},
        "requestParameters": {"sourceIPAddress": "192.0.2.7"},
        "responseElements": {
            "x-amz-request-id": f"evt_{42:032x}_finished",
            "x-amz-id-2": f"evt_{42:032x}_finished",
        },
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "tusd-py",
            "bucket": {"name": "uploads", "ownerIdentity": {"principalId": ""}, "arn": "arn:aws:s3:::uploads"},
            "object": {
                "key": "in/red+flower%2B%C3%BC.jpg",
                "size": 5,
                "eTag": "abc-3",
                "sequencer": "0000000000000000002A",
            },
        },
    }


@pytest.mark.parametrize(
    ("kind", "changes", "name"),
    [
        (EventType.FINISHED, {"etag": "abc"}, "ObjectCreated:Put"),
        (EventType.FINISHED, {"etag": "abc-2"}, "ObjectCreated:CompleteMultipartUpload"),
        (EventType.FINISHED, {"etag": "abc-2", "kind": Kind.FINAL}, "ObjectCreated:Copy"),
        (EventType.TERMINATED, {}, "ObjectRemoved:Delete"),
        (EventType.EXPIRED, {}, "ObjectRemoved:Delete"),
        (EventType.LOST, {}, "ObjectRemoved:Delete"),
        (EventType.TERMINATED, {"etag": None}, None),
        (EventType.EXPIRED, {"etag": None}, None),
        (EventType.CREATED, {}, None),
        (EventType.ROLLED_BACK, {}, None),
    ],
)
def test_only_objects_are_told_of(kind: EventType, changes: dict[str, Any], name: str | None) -> None:
    notification = message(facts(kind, **changes))
    assert (None if notification is None else notification.name) == name


@pytest.mark.parametrize(("asks", "name"), [(False, "ObjectRemoved:Delete"), (True, None)], ids=["done", "refused"])
def test_an_object_that_was_not_told_of_is_not_removed(asks: bool, name: str | None) -> None:  # noqa: FBT001  a case
    """The end of a refused upload whose object was stored before a hook or the scanner was asked, as a small upload's
    is, has no notification; the end of an upload that was done has `ObjectRemoved:Delete`."""
    finished = Checkpoint(offset=3, cursor={}, finished=Finished(cursor={}, etag="abc"))
    stored = lifecycle.record(upload(length=3), finished, 1.0, asks=asks).upload
    change = lifecycle.end(stored, Reason.REFUSED)
    event = change.event(change.upload, NO_CALLER)
    assert event is not None
    notification = message(replace(facts(), event=event))
    assert (None if notification is None else notification.name) == name


def test_a_removed_object_has_neither_size_nor_etag() -> None:
    assert record(facts(EventType.TERMINATED))["s3"]["object"].keys() == {"key", "sequencer"}


def test_a_disk_is_a_bucket_called_local() -> None:
    entry = record(replace(facts(), place=Place(key="2026/a.txt", path="/srv/2026/a.txt")))
    assert (entry["s3"]["bucket"]["name"], entry["awsRegion"]) == ("local", "local")
    assert entry["s3"]["object"]["key"] == "2026/a.txt"
