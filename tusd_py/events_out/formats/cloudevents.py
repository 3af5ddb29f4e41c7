"""Events as CloudEvents 1.0, structured and binary (cloudevents/spec.md, bindings/http-protocol-binding.md)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from tusd_py.domain.caller import NO_CALLER, Caller
from tusd_py.domain.phase import Phase
from tusd_py.domain.place import LOCAL, Place
from tusd_py.domain.upload import Kind, Upload
from tusd_py.events_out.formats.facts import JSON, EventFacts, Facts, JobFacts, Message
from tusd_py.protocol.job_object import job_object
from tusd_py.protocol.upload_object import metadata_members
from tusd_py.serving.dates import rfc3339

STRUCTURED = "application/cloudevents+json; charset=utf-8"
_KINDS = {Kind.REGULAR: "single", Kind.PARTIAL: "partial", Kind.FINAL: "final"}
_PLAIN = "!#$&'()*+,-./:;<=>?@[\\]^_`{|}~"
"""The characters, apart from letters and digits, that a header field has unencoded (HTTP binding, 3.1.3.2)."""


def structured(facts: Facts) -> Message:
    """Return the event with all its attributes in the body."""
    return _message(_attributes(facts), _data(facts))


def structured_for_owner(facts: Facts) -> Message:
    """Return the event as `structured` does, for the upload's owner: without the place of the object, and without the
    request, which may be an operator's.
    """
    data, event = _data(facts), replace(facts.event, caller=NO_CALLER)
    upload = {name: value for name, value in data["upload"].items() if name != "storage"}
    return _message(_attributes(replace(facts, event=event)), {**data, "upload": upload, "request": None})


def structured_job(facts: JobFacts) -> Message:
    """Return the event of a job's end with all its attributes in the body."""
    job = facts.job
    attributes = _common(facts, f"tusdpy.job.{job.phase}.v1", job.upload_or_own_id)
    return _message(attributes, {"job": job_object(job)})


def binary(facts: Facts) -> Message:
    """Return the event with its attributes in header fields."""
    attributes = _attributes(facts)
    headers = {f"ce-{name}": quote(value, safe=_PLAIN) for name, value in attributes.items()}
    headers.pop("ce-datacontenttype")
    return Message(name=attributes["type"], body=_json(_data(facts)), content_type=JSON, headers=headers)


def _message(attributes: Mapping[str, str], data: Mapping[str, Any]) -> Message:
    return Message(name=attributes["type"], body=_json({**attributes, "data": data}), content_type=STRUCTURED)


def _attributes(facts: Facts) -> dict[str, str]:
    """Return the attributes of an upload's event. The trace (distributed tracing extension) is that of the upload's
    creation, else that of the event's request.
    """
    event = facts.event
    trace = event.upload.trace or event.caller.trace
    attributes = _common(facts, f"tusdpy.upload.{event.type}.v1", event.upload.id)
    return {**attributes, **({} if trace is None else trace.headers)}


def _common(facts: EventFacts, type_: str, upload_id: str) -> dict[str, str]:
    """Return the attributes that the events of uploads and of jobs have."""
    return {
        "specversion": "1.0",
        "id": facts.id,
        "source": facts.endpoint,
        "type": type_,
        "subject": upload_id,
        "time": rfc3339(facts.at),
        "datacontenttype": JSON,
        "sequence": f"{facts.seq:020d}",
        "partitionkey": upload_id,
    }


def _data(facts: Facts) -> Mapping[str, Any]:
    event = facts.event
    return {
        "upload": _upload(event.upload, facts.place),
        "request": None if event.caller == NO_CALLER else _request(event.caller),
        "reason": event.reason,
    }


def _upload(upload: Upload, place: Place) -> Mapping[str, Any]:
    times, digest = upload.times, upload.digest
    return {
        "id": upload.id,
        "name": upload.name,
        "kind": _KINDS[upload.kind],
        "phase": upload.phase if upload.alive else Phase.GONE,
        "length": upload.length,
        "offset": upload.offset,
        **metadata_members(upload.metadata),
        "owner": upload.owner,
        "etag": None if upload.etag is None else upload.validator,
        "digest": None if digest is None or digest.value is None else f"{digest.algorithm}:{digest.value}",
        "created": rfc3339(times.created_at),
        "updated": rfc3339(times.updated_at),
        "expires": None if times.expires_at is None else rfc3339(times.expires_at),
        "storage": _storage(place),
    }


def _storage(place: Place) -> Mapping[str, str | None]:
    if place.bucket == LOCAL:
        return {"type": "file", "path": place.path}
    return {"type": "s3", "bucket": place.bucket, "key": place.key}


def _request(caller: Caller) -> Mapping[str, str | None]:
    fields = {name.lower(): value for name, value in caller.headers.items()}
    return {
        "method": caller.method,
        "path": caller.target.partition("?")[0],
        "remote": caller.address,
        "user_agent": fields.get("user-agent"),
        "request_id": caller.request_id,
    }


def _json(value: Mapping[str, Any]) -> bytes:
    """Return JSON in UTF-8, with a question mark for each lone surrogate, which stands for a byte that isn't UTF-8."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
