"""The format of tusd 2: the JSON that it sends to hooks (tusd's pkg/hooks/hooks.go, pkg/handler/hooks.go), with the
same members in the same order and the same escapes. post-expire and post-lost, which tusd doesn't have, look the same.
`InfoPath` is always empty.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tusd_py.domain.caller import Caller
from tusd_py.domain.events import EventType
from tusd_py.domain.place import LOCAL, Place
from tusd_py.domain.upload import Kind, Upload
from tusd_py.events_out.formats.facts import Facts, Message
from tusd_py.events_out.formats.gojson import Value, encode, text

HOOKS: Mapping[EventType, str] = {
    EventType.CREATED: "post-create",
    EventType.FINISHED: "post-finish",
    EventType.TERMINATED: "post-terminate",
    EventType.EXPIRED: "post-expire",
    EventType.LOST: "post-lost",
}
"""The hook for each type of event that this format can express; an event of another type, such as a roll-back, isn't
sent in it."""
PRE_CREATE, POST_CREATE = "pre-create", "post-create"


def message(facts: Facts) -> Message | None:
    """Return the event as the message to a hook; None if there is no hook for its type."""
    hook = HOOKS.get(facts.event.type)
    if hook is None:
        return None
    return Message(name=hook, body=body(hook, facts.event.upload, facts.event.caller, facts.place))


def body(hook: str, upload: Upload, caller: Caller, place: Place | None) -> bytes:
    """Return the body of a hook's call. `place` is None if the upload isn't recorded yet."""
    return encode({"Type": hook, "Event": {"Upload": _upload(hook, upload, place), "HTTPRequest": _request(caller)}})


def url_id(hook: str, upload: Upload) -> str:
    """Return the upload's id as a hook is told it: the part of the upload's URL below the creation endpoint. Empty for
    pre-create, and for an upload with neither id nor name."""
    return "" if hook == PRE_CREATE else upload.url_name


def offset(hook: str, upload: Upload) -> int:
    """Return the offset that a hook is told: 0 for pre-create and post-create, even if the upload has bytes, as a final
    one has; else the upload's."""
    return 0 if hook in {PRE_CREATE, POST_CREATE} else upload.offset


def _upload(hook: str, upload: Upload, place: Place | None) -> Value:
    return {
        "ID": url_id(hook, upload),
        "Size": upload.length or 0,
        "SizeIsDeferred": upload.length is None,
        "Offset": offset(hook, upload),
        "MetaData": {key: text(upload.metadata[key]) for key in sorted(upload.metadata)},
        "IsPartial": upload.kind is Kind.PARTIAL,
        "IsFinal": upload.kind is Kind.FINAL,
        "PartialUploads": list(upload.partials) or None,
        "Storage": None if place is None else _storage(place),
    }


def _storage(place: Place) -> Value:
    if place.bucket == LOCAL:
        return {"InfoPath": "", "Path": place.path, "Type": "filestore"}
    return {"Bucket": place.bucket, "Key": place.key, "Type": "s3store"}


def _request(caller: Caller) -> Value:
    return {
        "Method": caller.method,
        "URI": caller.target,
        "RemoteAddr": caller.peer,
        "Header": _fields(caller.headers),
    }


def _fields(headers: Mapping[str, str]) -> Mapping[str, Sequence[str]]:
    """Return the values of each header field by its name in Go's canonical case, sorted by name as Go sorts a map."""
    values = dict[str, list[str]]()
    for name, value in headers.items():
        values.setdefault(canonical(name), []).append(value)
    return dict(sorted(values.items()))


def canonical(name: str) -> str:
    """Return a header field's name with a capital at the start of each word (Go's CanonicalMIMEHeaderKey)."""
    return "-".join(word.capitalize() for word in name.split("-"))
