"""Events as the JSON text that an outbox holds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tusd_py.domain.caller import NO_CALLER, Caller
from tusd_py.domain.events import Event, EventType, Reason
from tusd_py.domain.principal import Principal
from tusd_py.domain.record_json import decode
from tusd_py.domain.targets import without_tokens
from tusd_py.domain.upload import Upload

_SECRET = frozenset({"authorization", "proxy-authorization", "cookie", "x-api-key", "upload-token"})
"""Header fields that must not be stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    """An event as an outbox stores it."""

    id: str
    spare_id: str | None
    """The id to use if an event with `id` is stored; None if such an event can only be this one, stored before."""
    upload_id: str
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


def decode_event(type_: EventType, document: str) -> Event:
    """Return the event as stored, without its caller's secrets."""
    stored = json.loads(document)
    return Event(
        type=type_,
        upload=decode(json.dumps(stored["upload"])),
        reason=None if stored["reason"] is None else Reason(stored["reason"]),
        before=stored["before"],
        caller=NO_CALLER if stored["request"] is None else _caller(**stored["request"]),
    )


def _request(caller: Caller) -> Mapping[str, Any] | None:
    if caller is NO_CALLER:
        return None
    return {
        "address": caller.address,
        "identity": caller.subject,
        "method": caller.method,
        "target": without_tokens(caller.target),
        "headers": _without_secrets(caller.headers),
        "request_id": caller.request_id,
    }


def _caller(*, identity: str | None, **request: Any) -> Caller:
    """Return the caller; of its credential, only the subject is stored."""
    return Caller(principal=None if identity is None else Principal(subject=identity), **request)


def _without_secrets(headers: Mapping[str, str]) -> Mapping[str, str]:
    """Return the fields without secrets; one sent in several lines is joined into one (RFC 9110, 5.2)."""
    fields = dict[str, str]()
    for name, value in headers.items():
        if name.lower() not in _SECRET:
            fields[name] = f"{fields[name]}, {value}" if name in fields else value
    return fields


def _dump(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
