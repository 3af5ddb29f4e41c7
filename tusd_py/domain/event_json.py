"""Events as the JSON text that an outbox holds."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from multidict import CIMultiDict

from tusd_py.domain.caller import NO_CALLER, Caller
from tusd_py.domain.events import Event, EventType, Reason, event_id
from tusd_py.domain.job import Job
from tusd_py.domain.job_json import decode_job, encode_job
from tusd_py.domain.principal import Principal
from tusd_py.domain.record_json import decode, decode_trace, encode_trace
from tusd_py.domain.targets import without_tokens
from tusd_py.domain.upload import Upload

_SECRET = frozenset({"authorization", "proxy-authorization", "cookie", "x-api-key", "upload-token"})
"""Header fields that must not be stored, unless hooks are to get them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    """An event as an outbox stores it."""

    id: str
    spare_id: str | None
    """The id to use if an event with `id` is stored; None if such an event can only be this one, stored before."""
    upload_id: str
    """An export has none: the id of the job itself."""
    type: str
    at: float
    document: str


def event_row(event: Event, recorded: Upload, document: str) -> EventRow:
    """Return the row of an event of the upload as recorded; `document` is that record as JSON."""
    return EventRow(
        id=event.id,
        spare_id=f"{event.id}_{recorded.revision}" if event.type is EventType.ROLLED_BACK else None,
        upload_id=recorded.id,
        type=event.type,
        at=recorded.times.updated_at,
        document=f'{{"reason":{_dump(event.reason)},"before":{_dump(event.before)},'
        f'"request":{_dump(_request(event.caller))},"upload":{document}}}',
    )


def job_row(job: Job) -> EventRow:
    """Return the row of the event of a job's end."""
    return EventRow(
        id=event_id(job.id, job.phase),
        spare_id=None,
        upload_id=job.upload_or_own_id,
        type=EventType.JOB,
        at=job.updated_at,
        document=f'{{"job":{encode_job(job)}}}',
    )


def decode_job_event(document: str) -> Job:
    """Return the job as stored with the event of its end."""
    return decode_job(_dump(json.loads(document)["job"]))


def decode_event(type_: EventType, document: str) -> Event:
    """Return the upload's event as stored, without its caller's secrets. Fields of newer versions are ignored."""
    stored = json.loads(document)
    return Event(
        type=type_,
        upload=decode(json.dumps(stored["upload"])),
        reason=None if stored["reason"] is None else Reason(stored["reason"]),
        before=stored["before"],
        caller=NO_CALLER if stored["request"] is None else _caller(stored["request"]),
    )


def _request(caller: Caller) -> Mapping[str, Any] | None:
    if caller is NO_CALLER:
        return None
    return (
        {name: getattr(caller, name) for name in _PLAIN}
        | {
            "identity": caller.subject,
            "target": without_tokens(caller.target),
            "headers": _storable(caller),
        }
        | ({} if caller.span is None else {"span": encode_trace(caller.span)})
    )


def _storable(caller: Caller) -> Sequence[tuple[str, str]]:
    """Return the header fields without secrets, one for each line that was received."""
    secret = _SECRET - caller.storable
    return [(name, value) for name, value in caller.headers.items() if name.lower() not in secret]


def _caller(stored: Mapping[str, Any]) -> Caller:
    """Return the caller; of its credential, only the subject is stored."""
    identity, plain = stored.get("identity"), {name: stored[name] for name in _PLAIN if name in stored}
    return Caller(
        **plain,
        target=stored["target"],
        principal=None if identity is None else Principal(subject=identity),
        headers=CIMultiDict(stored["headers"]),
        span=decode_trace(stored["span"]) if "span" in stored else None,
    )


def _dump(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


_PLAIN = ("address", "method", "request_id", "peer", "endpoint")
