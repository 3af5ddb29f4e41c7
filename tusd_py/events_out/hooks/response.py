"""The JSON that hooks answer questions with, as tusd reads it (tusd's pkg/hooks/hooks.go)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from posixpath import normpath
from typing import Any, TypeVar

from tusd_py.domain.answers import NO_ANSWER, NO_CHANGE, Answer, FileChange
from tusd_py.domain.names import is_metadata_key, is_name, is_place

T = TypeVar("T")
_MEMBERS = frozenset(
    {"httpresponse", "rejectupload", "changefileinfo", "stopupload", "rejecttermination", "rejectaccess"}
)
_FIELDS = frozenset(
    {
        *("content-type", "content-language", "cache-control", "retry-after"),
        *("www-authenticate", "link", "server-timing"),
    }
)
"""The header fields that a hook may set, in lower case; it may also set those that begin with X-."""
_FIRST_VISIBLE, _DELETE = 0x20, 0x7F
_NAME = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz")
"""The characters of a header field's name in lower case (RFC 9110, 5.6.2)."""


class InvalidAnswer(ValueError):
    """The answer of a hook isn't valid. The message says what is wrong, without the answer's text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HookResponse:
    """The answer of a hook to a question; by default, one without objection or change."""

    answer: Answer = NO_ANSWER
    change: FileChange = NO_CHANGE
    reject_upload: bool = False
    reject_termination: bool = False
    reject_access: bool = False
    stop_upload: bool = False
    ignored: tuple[str, ...] = ()
    """The names that this server ignores in the answer, sorted: of unknown members at the top level, in lower case, and
    of header fields that a hook may not set or whose values aren't valid."""


def parse_response(body: bytes, limit: int, buckets: Sequence[str] = ()) -> HookResponse:
    """Return the answer in a body; an empty or blank body is an answer without objection or change. Raises
    InvalidAnswer, also for more than `limit` bytes.

    `buckets` names the S3 buckets that a hook may choose, the storage's own first; with them, a hook may also choose a
    key. Without any, the storage is a folder, where a hook may choose a path.
    """
    if len(body) > limit:
        raise InvalidAnswer(f"longer than {limit} bytes")
    if not body.strip():
        return HookResponse()
    try:
        members = json.loads(body.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        raise InvalidAnswer("not JSON") from None
    return _response(_folded(members, "the answer"), buckets)


def _response(members: Mapping[str, Any], buckets: Sequence[str]) -> HookResponse:
    response = _folded(members.get("httpresponse") or {}, "HTTPResponse")
    fields = _texts(response.get("header") or {}, "Header")
    allowed = {name: value for name, value in fields.items() if _is_allowed(name, value)}
    return HookResponse(
        answer=Answer(
            status=_of_type(response, "statuscode", int, 0) or None,
            body=_plain(_of_type(response, "body", str, "")),
            headers=allowed,
        ),
        change=_change(_folded(members.get("changefileinfo") or {}, "ChangeFileInfo"), buckets),
        reject_upload=_of_type(members, "rejectupload", bool, default=False),
        reject_termination=_of_type(members, "rejecttermination", bool, default=False),
        reject_access=_of_type(members, "rejectaccess", bool, default=False),
        stop_upload=_of_type(members, "stopupload", bool, default=False),
        ignored=tuple(sorted({*(members.keys() - _MEMBERS), *(fields.keys() - allowed.keys())})),
    )


def _change(info: Mapping[str, Any], buckets: Sequence[str]) -> FileChange:
    name, metadata = _of_type(info, "id", str, ""), info.get("metadata")
    if name and not is_name(name):
        raise InvalidAnswer("ID isn't a name: see docs/hooks.md")
    storage = _folded(info.get("storage") or {}, "Storage")
    return FileChange(
        name=name or None,
        place=_place(storage, on_disk=not buckets),
        bucket=_bucket(storage, buckets),
        metadata=None if metadata is None else dict(_metadata(_texts(metadata, "MetaData"))),
    )


def _place(storage: Mapping[str, Any], *, on_disk: bool) -> str | None:
    """Return the normalized path, or the key, that the hook chose; None if it chose none. Raises InvalidAnswer if the
    storage can't have it, and for a key or bucket chosen on a disk, or a path in S3.

    Members that only repeat what the storage is (`Type`, `InfoPath`) are ignored, as by tusd.
    """
    path, key = (_plain(_of_type(storage, name, str, "")) for name in ("path", "key"))
    if on_disk and (key or storage.get("bucket")):
        raise InvalidAnswer("Storage of files has a Path, and neither Key nor Bucket")
    if path and not on_disk:
        raise InvalidAnswer("Storage in S3 has a Key, and no Path")
    place = normpath(path) if path else key
    if place and not is_place(place):
        raise InvalidAnswer("the place in Storage isn't one below the storage's folder or prefix: see docs/hooks.md")
    return place or None


def _bucket(storage: Mapping[str, Any], buckets: Sequence[str]) -> str | None:
    """Return the bucket that the hook chose; None if the hook chose none, or the storage's own, which is the first
    of `buckets`. Raises InvalidAnswer if the chosen bucket isn't in `buckets`.
    """
    chosen = _of_type(storage, "bucket", str, "")
    if chosen and chosen not in buckets:
        raise InvalidAnswer("Bucket isn't one of hooks-buckets")
    return chosen if chosen in buckets[1:] else None


def _metadata(texts: Mapping[str, str]) -> Iterator[tuple[str, bytes]]:
    """Yield keys and values of metadata. Raises InvalidAnswer for a key that Upload-Metadata can't carry (tus 1.0,
    creation).
    """
    for key, value in texts.items():
        if not is_metadata_key(key):
            raise InvalidAnswer("MetaData has a key that isn't ASCII without blanks and commas")
        yield key, value.encode()


def _folded(value: Any, name: str) -> Mapping[str, Any]:
    """Return the members of an object, their names in lower case, since case doesn't matter to Go's encoding/json.
    Raises InvalidAnswer, which calls the value `name`, for any other value.
    """
    if not isinstance(value, dict):
        raise InvalidAnswer(f"{name} isn't an object")
    return {key.lower(): member for key, member in value.items()}


def _texts(value: Any, name: str) -> Mapping[str, str]:
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise InvalidAnswer(f"{name} isn't an object of strings")
    return {_plain(key): _plain(text) for key, text in value.items()}


def _plain(text: str) -> str:
    """Return the text with a question mark for each lone surrogate, which JSON can carry and UTF-8 can't."""
    return text.encode("utf-8", "replace").decode()


def _of_type(members: Mapping[str, Any], name: str, kind: type[T], default: T) -> T:
    """Return the member `name`; the default if it is missing or null. Raises InvalidAnswer if its type isn't exactly
    `kind`.
    """
    value = members.get(name)
    if value is None:
        return default
    if type(value) is not kind:
        raise InvalidAnswer(f"{name} isn't a {kind.__name__}")
    return value


def _is_allowed(name: str, value: str) -> bool:
    folded = name.lower()
    is_token = bool(name) and _NAME.issuperset(folded)
    is_plain = all(_FIRST_VISIBLE <= ord(char) != _DELETE for char in value)
    return is_token and is_plain and (folded.startswith("x-") or folded in _FIELDS)
