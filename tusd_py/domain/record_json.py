"""Uploads as the JSON text that every state store holds."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

from tusd_py.domain.account import SHARED, Account
from tusd_py.domain.answers import NO_ANSWER, Answer
from tusd_py.domain.checkpoint import Entry
from tusd_py.domain.copying import copy_with
from tusd_py.domain.digest import WholeDigest
from tusd_py.domain.direct import DirectMode, DirectTransfer
from tusd_py.domain.installation import Installation
from tusd_py.domain.metadata import Metadata
from tusd_py.domain.phase import Phase
from tusd_py.domain.scan import Scan, Verdict
from tusd_py.domain.trace import Trace
from tusd_py.domain.upload import Kind, Times, Upload


def encode(upload: Upload) -> str:
    """Return the upload as one JSON object in ASCII; metadata values are base64, since they may be any bytes.

    The members of times, digest, direct transfer and account stand in the object itself. `dataclasses.asdict` would be
    too slow for the whole upload: a record is encoded at each save.
    """
    record = _common(upload)
    _add(record, upload, _NAMING)
    if upload.account is not SHARED or upload.owner is not None:
        record |= _encode_account(upload.account)
    if upload.answer is not NO_ANSWER:
        record["answer"] = _encode_answer(upload.answer)
    _add(record, upload, _RARE)
    return _dump(record)


def _add(record: dict[str, Any], upload: Upload, encoders: Mapping[str, Callable[[Any], Any]]) -> None:
    """Add those fields of `upload` that `encoders` names to `record`, except those that are None, False or empty."""
    for name, encode_field in encoders.items():
        value = getattr(upload, name)
        if value is not None and value is not False and value not in ("", ()):
            record[name] = encode_field(value)


def _common(upload: Upload) -> dict[str, Any]:
    """Return the members that every record has."""
    direct = upload.direct
    presigned_until = None if direct is None else direct.presigned_until
    parts_check_at = None if direct is None else direct.parts_check_at
    return {
        "id": upload.id,
        "kind": upload.kind,
        "phase": upload.phase,
        "length": upload.length,
        "explicit_completion": upload.explicit_completion,
        "offset": upload.offset,
        "max_length": upload.max_length,
        "owner": upload.owner,
        "metadata": _encode_metadata(upload.metadata),
        "partials": upload.partials,
        "direct": None if direct is None else direct.mode,
        "troubled_at": upload.troubled_at,
        "presigned_until": presigned_until,
        "parts_check_at": parts_check_at,
        "cursor": upload.cursor,
        "etag": upload.etag,
        **_flat(upload.times, upload.digest),
        "revision": upload.revision,
        _FORMER["explicit_completion"]: upload.explicit_completion,
        _FORMER["presigned_until"]: presigned_until,
        _FORMER["parts_check_at"]: parts_check_at,
    }


def _flat(times: Times, digest: WholeDigest | None) -> dict[str, Any]:
    return {
        "digest_algorithm": None if digest is None else digest.algorithm,
        "digest": None if digest is None else digest.value,
        "created_at": times.created_at,
        "updated_at": times.updated_at,
        "expires_at": times.expires_at,
    }


def decode(text: str) -> Upload:
    """Return the upload from the text that `encode` returned, perhaps in another version. Fields of newer versions are
    ignored; missing ones get their former name's value (`_FORMER`) or their default. Raises KeyError or TypeError if
    one without a default is missing."""
    stored = json.loads(text)
    for name, former in _FORMER.items():
        if name not in stored and former in stored:
            stored[name] = stored[former]
    single = {name: _PARSERS.get(name, _as_is)(stored[name]) for name in _SINGLE if name in stored}
    return Upload(
        **single,
        account=_decode_account(stored),
        times=_decode_times(stored),
        digest=_decode_digest(stored),
        direct=_decode_direct(stored),
    )


def _decode_scan(stored: Mapping[str, Any]) -> Scan:
    return Scan(verdict=Verdict(stored["verdict"]), name=stored["name"], reason=stored["reason"])


def encode_entry(entry: Entry) -> str:
    return _dump(entry)


def decode_entry(text: str) -> Entry:
    entry: Entry = json.loads(text)
    return entry


def encode_installation(installation: Installation) -> str:
    return _dump(asdict(installation))


def decode_installation(text: str | None) -> Installation | None:
    """Return the installation, or None if `text` is None. Fields of newer versions are ignored."""
    if text is None:
        return None
    names = {field.name for field in fields(Installation)}
    return Installation(**{name: value for name, value in json.loads(text).items() if name in names})


def advance(upload: Upload) -> Upload:
    """Return the upload with the revision that its next save stores."""
    return copy_with(upload, revision=upload.revision + 1)


def _dump(value: Mapping[str, Any]) -> str:
    return _ENCODE(value)


def _encode_metadata(metadata: Metadata) -> dict[str, str]:
    return {key: b64encode(value).decode() for key, value in metadata.items()}


def _decode_metadata(stored: Mapping[str, str]) -> Metadata:
    return {key: b64decode(value) for key, value in stored.items()}


def _decode_times(stored: Mapping[str, Any]) -> Times:
    return Times(created_at=stored["created_at"], updated_at=stored["updated_at"], expires_at=stored.get("expires_at"))


def _decode_digest(stored: Mapping[str, Any]) -> WholeDigest | None:
    algorithm = stored.get("digest_algorithm")
    return None if algorithm is None else WholeDigest(algorithm=algorithm, value=stored.get("digest"))


def _decode_direct(stored: Mapping[str, Any]) -> DirectTransfer | None:
    mode = stored.get("direct")
    if mode is None:
        return None
    return DirectTransfer(
        mode=DirectMode(mode),
        presigned_until=stored.get("presigned_until"),
        parts_check_at=stored.get("parts_check_at"),
    )


def _encode_answer(answer: Answer) -> Mapping[str, Any]:
    return {"status": answer.status, "body": answer.body, "headers": dict(answer.headers)}


def _decode_answer(stored: Mapping[str, Any]) -> Answer:
    return Answer(status=stored["status"], body=stored["body"], headers=stored["headers"])


def _encode_account(account: Account) -> dict[str, Any]:
    return {"account": account.name, "quota_bytes": account.quota_bytes, "reserved": account.reserved}


def _decode_account(stored: Mapping[str, Any]) -> Account:
    """Return the account of a stored record. For a record without one, return the account with the owner's name, as
    nodes of an earlier version saved none, or `SHARED` without an owner.
    """
    name = stored.get("account") or stored.get("owner")
    if name is None:
        return SHARED
    return Account(name=name, quota_bytes=stored.get("quota_bytes"), reserved=stored.get("reserved", 0))


def encode_trace(trace: Trace) -> Sequence[str]:
    return [trace.parent, trace.state]


def decode_trace(stored: Sequence[str]) -> Trace:
    parent, state, *_ = stored
    return Trace(parent, state)


def _as_is(value: Any) -> Any:
    return value


_ENCODE = json.JSONEncoder(separators=(",", ":")).encode
_SINGLE = tuple(field.name for field in fields(Upload) if field.name not in ("account", "times", "digest", "direct"))
"""The names of the fields that are decoded one by one; the other four are made of several members."""
_FORMER = {"explicit_completion": "waits", "presigned_until": "signed_until", "parts_check_at": "count_at"}
"""The names of fields in the previous schema, by their new names. The former names are read where the new ones are
missing, and also written, so that nodes of the previous version can run during a rolling upgrade."""
_NAMING: Mapping[str, Callable[[Any], Any]] = {
    "name": _as_is,
    "place": _as_is,
    "bucket": _as_is,
    "key_prefix": _as_is,
}
_RARE: Mapping[str, Callable[[Any], Any]] = {
    "unresumable": _as_is,
    "asks_before_finish": _as_is,
    "asked_at": _as_is,
    "paused_until": _as_is,
    "scan": asdict,
    "trace": encode_trace,
    "types": _as_is,
}
"""Encoders of the fields that few records have."""
_PARSERS: Mapping[str, Callable[[Any], Any]] = {
    "kind": Kind,
    "phase": Phase,
    "scan": lambda stored: None if stored is None else _decode_scan(stored),
    "metadata": _decode_metadata,
    "answer": _decode_answer,
    "partials": tuple,
    "types": tuple,
    "trace": decode_trace,
}
