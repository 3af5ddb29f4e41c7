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
"""The names, in lower case, of header fields that must not be stored, unless `Caller.storable` has them."""
_BRIEF = frozenset({"user-agent", "traceparent", "tracestate"})
"""The names, in lower case, of the header fields that are stored for every format of events; others are stored only if
a hook or a sink gets tusd's format, which tells of them (`Caller.verbose`), or `Caller.storable` has them."""
_MOST_BYTES = 8 * 1024
"""The most bytes of JSON that one event's header fields have together, without the commas between them: with the
default settings any client can send 304 KiB of header fields, in JSON up to six times as many bytes. Events are kept
for days after their uploads, and no limit or quota counts them."""
_LONGEST_URL = 2 * 1024
"""Characters of the longest target or endpoint that is stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    """An event as the rows of an outbox hold it."""

    id: str
    spare_id: str | None
    """The id to use if an event with `id` is stored already; None if the stored event is then the same one."""
    upload_id: str
    """The id of the event's upload; the id of the job for an export, which has no upload."""
    type: str
    at: float
    document: str


def event_row(event: Event, recorded: Upload, document: str) -> EventRow:
    """Return the row for an event of the upload `recorded`; `document` is that record as JSON."""
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
    """Return the row for the event of a job's end."""
    return EventRow(
        id=event_id(job.id, job.phase),
        spare_id=None,
        upload_id=job.upload_or_own_id,
        type=EventType.JOB,
        at=job.updated_at,
        document=f'{{"job":{encode_job(job)}}}',
    )


def decode_job_event(document: str) -> Job:
    """Return the job as it was at its end, from the document of the event."""
    return decode_job(_dump(json.loads(document)["job"]))


def decode_event(type_: EventType, document: str) -> Event:
    """Return an upload's event from its document. The event's caller has only what was stored: of the principal the
    subject, and no header fields with secrets but those in `Caller.storable`. Members of the document that only newer
    versions know are ignored."""
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
        | ({"endpoint": ""} if len(caller.endpoint) > _LONGEST_URL else {})
        | {
            "identity": caller.subject,
            "target": without_tokens(caller.target)[:_LONGEST_URL],
            "headers": _within(_MOST_BYTES, _storable(caller)),
        }
        | ({} if caller.span is None else {"span": encode_trace(caller.span)})
    )


def _storable(caller: Caller) -> Sequence[tuple[str, str]]:
    """Return the header fields that may be stored: pairs of name and value, one for each line that was received, those
    in `Caller.storable` first."""
    lines = [line for line in caller.headers.items() if _is_storable(line[0].lower(), caller)]
    return sorted(lines, key=lambda line: line[0].lower() not in caller.storable)


def _is_storable(name: str, caller: Caller) -> bool:
    return name in caller.storable or (name not in _SECRET and (caller.verbose or name in _BRIEF))


def _within(limit: int, lines: Sequence[tuple[str, str]]) -> Sequence[tuple[str, str]]:
    """Return the header fields, pairs of name and value, that fit into `limit` bytes of JSON together, without the
    commas between them. One that is too long for the bytes left is omitted; later, shorter ones may still fit."""
    fitting = []
    for line in lines:
        if (size := len(_dump(line))) <= limit:
            fitting.append(line)
            limit -= size
    return fitting


def _caller(stored: Mapping[str, Any]) -> Caller:
    """Return the caller of a stored event. The caller's principal has the stored subject, and defaults otherwise; the
    principal is None if no subject is stored."""
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
