"""Events as S3's notifications (S3 User Guide, "Event message structure", version 2.1), for consumers that know those.

There are notifications only of an object's creation and of its removal.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote_plus

from tusd_py.domain.events import Event, EventType
from tusd_py.domain.upload import Kind, Upload
from tusd_py.events_out.formats.facts import Facts, Message
from tusd_py.serving.dates import rfc3339

_ENDS = frozenset({EventType.TERMINATED, EventType.EXPIRED, EventType.LOST})


def message(facts: Facts) -> Message | None:
    """Return the event as a notification; None if no object was created or removed."""
    name = _name(facts.event)
    if name is None:
        return None
    return Message(name=name, body=json.dumps({"Records": [_record(facts, name)]}, separators=(",", ":")).encode())


def _name(event: Event) -> str | None:
    upload = event.upload
    if event.type in _ENDS:
        return None if upload.etag is None else "ObjectRemoved:Delete"
    if event.type is not EventType.FINISHED:
        return None
    if upload.kind is Kind.FINAL:
        return "ObjectCreated:Copy"
    return "ObjectCreated:CompleteMultipartUpload" if _has_parts(upload) else "ObjectCreated:Put"


def _has_parts(upload: Upload) -> bool:
    """Return True if the object was stored by a multipart upload, whose ETag ends with the number of its parts."""
    return "-" in (upload.etag or "")


def _record(facts: Facts, name: str) -> Mapping[str, Any]:
    caller, owner = facts.event.caller, {"principalId": facts.event.upload.owner or ""}
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": facts.place.region,
        "eventTime": rfc3339(facts.at, "milliseconds"),
        "eventName": name,
        "userIdentity": owner,
        "requestParameters": {"sourceIPAddress": caller.address},
        "responseElements": {"x-amz-request-id": caller.request_id or facts.id, "x-amz-id-2": facts.id},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "tusd-py",
            "bucket": {
                "name": facts.place.bucket,
                "ownerIdentity": {"principalId": ""},
                "arn": f"arn:aws:s3:::{facts.place.bucket}",
            },
            "object": _object(facts),
        },
    }


def _object(facts: Facts) -> Mapping[str, Any]:
    """Return the notification's member `object`, its key form-encoded but for slashes; a removed object has neither
    size nor ETag."""
    upload = facts.event.upload
    stored = {"size": upload.length, "eTag": upload.validator} if facts.event.type is EventType.FINISHED else {}
    return {"key": quote_plus(facts.place.key, safe="/"), **stored, "sequencer": f"{facts.seq:020X}"}
