"""Uploads as the JSON text that every state store holds."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields, replace
from typing import Any

from tusd_py.domain.upload import Direct, Entry, Installation, Kind, Metadata, Phase, Upload


def encode(upload: Upload) -> str:
    """Return the upload as one JSON object in ASCII; metadata values are base64, since they may be any bytes."""
    record = {name: getattr(upload, name) for name in _NAMES} | {"metadata": _encode_metadata(upload.metadata)}
    return _dump(record | {former: record[name] for name, former in _FORMER.items()})


def decode(text: str) -> Upload:
    """Return the upload that `encode` was given. Fields of newer versions are ignored; missing ones get defaults."""
    stored = json.loads(text)
    for name, former in _FORMER.items():
        if name not in stored and former in stored:
            stored[name] = stored[former]
    return Upload(**{name: _PARSERS.get(name, _as_is)(stored[name]) for name in _NAMES if name in stored})


def encode_entry(entry: Entry) -> str:
    return _dump(entry)


def decode_entry(text: str) -> Entry:
    entry: Entry = json.loads(text)
    return entry


def encode_installation(installation: Installation) -> str:
    return _dump(asdict(installation))


def decode_installation(text: str | None) -> Installation | None:
    """Return the installation, or None for None. Fields of newer versions are ignored."""
    if text is None:
        return None
    names = {field.name for field in fields(Installation)}
    return Installation(**{name: value for name, value in json.loads(text).items() if name in names})


def advance(upload: Upload) -> Upload:
    """Return the upload as its next save stores it."""
    return replace(upload, revision=upload.revision + 1)


def _dump(value: Mapping[str, Any]) -> str:
    return _ENCODE(value)


def _encode_metadata(metadata: Metadata) -> dict[str, str]:
    return {key: b64encode(value).decode() for key, value in metadata.items()}


def _decode_metadata(stored: Mapping[str, str]) -> Metadata:
    return {key: b64decode(value) for key, value in stored.items()}


def _as_is(value: Any) -> Any:
    return value


_ENCODE = json.JSONEncoder(separators=(",", ":")).encode
_NAMES = tuple(field.name for field in fields(Upload))
_FORMER = {"explicit_completion": "waits", "presigned_until": "signed_until", "parts_check_at": "count_at"}
"""Names in the previous schema: read where the new ones are missing, and also written, so that nodes of the previous
version can run during a rolling upgrade."""
_PARSERS: Mapping[str, Callable[[Any], Any]] = {
    "kind": Kind,
    "phase": Phase,
    "direct": lambda stored: None if stored is None else Direct(stored),
    "metadata": _decode_metadata,
    "partials": tuple,
}
