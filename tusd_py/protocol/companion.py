"""Companion's S3 routes on the wire, as @uppy/aws-s3 asks them, and what its `signRequest` can be answered.

Sources: @uppy/aws-s3 5.1.0 and 6.3.1. What they call `uploadId` is our upload's id: S3's own stays with its record.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tusd_py.domain.intents import Begin
from tusd_py.domain.lengths import check_metadata
from tusd_py.domain.limits import Limits
from tusd_py.domain.numbers import parse_integer
from tusd_py.domain.refusals import Malformed, Refusal, ServiceUnavailable, UploadLocked, UploadNotFound
from tusd_py.domain.upload import Direct, DirectPart, Metadata, Signed, Upload, UploadId, parse_upload_id
from tusd_py.protocol.headers import parse_metadata_key
from tusd_py.protocol.statuses import STATUS

Json = Mapping[str, Any]

TIMES = 10
"""Bytes in memory for each byte of a request, as it came and as it is read: 6 for a list of parts, else up to 35."""
_LIGHT = 64 * 1024
"""Bytes in memory that any request may take."""
_OBJECT, _VALUE, _KEY = 200, 80, 32
"""Bytes that CPython 3.11 takes for one in a list or an object; keys are shared."""
_IN_QUERY = re.compile(r"metadata\[(.+)\]", re.DOTALL)
_SIZE = "filesize"
"""The metadata key that says how long the upload is, for clients that can say nothing else."""


def read_json(body: bytes) -> Json:
    """The object that a request brought. Raises Malformed, also where it would take more memory than TIMES its text."""
    if _weight(body) > max(TIMES * len(body), _LIGHT):
        raise Malformed("the JSON has too many values for its length")
    try:
        told = _loaded(body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, Mapping):
        raise Malformed("send a JSON object")
    return told


def _loaded(text: str) -> object:
    """Raises ValueError, also for half of a surrogate pair, which no other place could hold."""
    told: object = json.loads(text)
    if "\\u" in text:
        json.dumps(told, ensure_ascii=False).encode()
    return told


def _weight(body: bytes) -> int:
    """Bytes that its values may take in memory, by what begins and parts them."""
    values = _VALUE * (body.count(b"[") + body.count(b",")) + _KEY * body.count(b":")
    return len(body) + _OBJECT * body.count(b"{") + values


def read_query(query: Mapping[str, str]) -> Json:
    """GET /params says the same as JSON does, in a query."""
    found = {match[1]: value for name, value in query.items() if (match := _IN_QUERY.fullmatch(name))}
    return {**query, "metadata": found}


def read_begin(told: Json, direct: Direct, limits: Limits) -> Begin:
    """`filename`, `type` and `metadata` are Uppy's; `size` is ours, or `filesize` among the metadata.

    Raises Malformed.
    """
    metadata = _metadata(told, limits)
    size = told.get("size", metadata.get(_SIZE, b"").decode("latin-1"))
    length = None if size in ("", None) else parse_integer("size", str(size))
    return Begin(direct=direct, length=length, metadata=metadata)


def _metadata(told: Json, limits: Limits) -> Metadata:
    """Under the names tus clients use; what a client says of its own under these names comes first."""
    said = told.get("metadata") or {}
    if not isinstance(said, Mapping):
        raise Malformed("metadata must be an object")
    named = {"filename": told.get("filename"), "filetype": told.get("type"), **said}
    metadata = {
        parse_metadata_key("metadata", str(key)): _text(key, value).encode("utf-8", "replace")
        for key, value in named.items()
        if value is not None
    }
    check_metadata(metadata, limits)
    return metadata


def _text(key: str, value: object) -> str:
    if not isinstance(value, str | int | float):
        raise Malformed(f"metadata must be text: {key[:64]!a} is not")
    return value if isinstance(value, str) else json.dumps(value)


def read_named(told: Json) -> Sequence[DirectPart]:
    """The parts of a completion. Raises Malformed."""
    parts = told.get("parts")
    if not isinstance(parts, list):
        raise Malformed("parts must be a list")
    return [_named(part) for part in parts]


def _named(part: object) -> DirectPart:
    if not isinstance(part, Mapping) or not isinstance(part.get("ETag"), str):
        raise Malformed("each part needs a PartNumber and an ETag")
    number = parse_integer("PartNumber", str(part.get("PartNumber", "")))
    return DirectPart(number=number, etag=part["ETag"].strip('"'))


@dataclass(frozen=True, slots=True, kw_only=True)
class Presign:
    """What `signRequest` was asked to sign."""

    method: str
    key: str
    upload_id: UploadId | None
    """None before there is one."""
    part: int | None
    length: int | None
    """Of the part."""


def read_length(text: object) -> int | None:
    """How long a part is said to be. Uppy says nothing; its signature is bound to what is said."""
    return None if text is None else parse_integer("length", str(text))


def read_presign(told: Json) -> Presign:
    """Raises Malformed, UploadNotFound."""
    method, key, upload_id = told.get("method"), told.get("key"), told.get("uploadId")
    number = told.get("partNumber")
    if not isinstance(method, str) or not isinstance(key, str):
        raise Malformed("method and key must be text")
    known = None if upload_id is None else parse_upload_id(str(upload_id))
    if upload_id is not None and known is None:
        raise UploadNotFound
    part = None if number is None else parse_integer("partNumber", str(number))
    return Presign(method=method.upper(), key=key, upload_id=known, part=part, length=read_length(told.get("length")))


def as_begin(told: Json) -> Json:
    """A presign request that makes an upload, as the other routes would have said it."""
    return {"filename": told.get("key"), "type": told.get("contentType"), **told}


# Answers


def whole(signed: Signed, lifetime: float) -> Json:
    """Of GET /params: a form, or a PUT where the provider takes no forms."""
    method = "POST" if signed.fields else "PUT"
    headers = {} if signed.fields else {"headers": signed.headers}
    return {"method": method, "url": signed.url, "fields": signed.fields, "expires": int(lifetime), **headers}


def presigned(signed: Signed, key: str) -> Json:
    """What `signRequest` is to return; `key` is where it really goes."""
    extras = {"headers": signed.headers, "fields": signed.fields}
    return {"url": signed.url, "key": key, **{name: value for name, value in extras.items() if value}}


def begun(upload: Upload, key: str, bucket: str) -> Json:
    return {"key": key, "uploadId": upload.id, "bucket": bucket}


def part(signed: Signed, lifetime: float) -> Json:
    """version 5 lets a part take this long."""
    return {"url": signed.url, "expires": int(lifetime)}


def stored(parts: Sequence[DirectPart]) -> list[Json]:
    return [{"PartNumber": each.number, "Size": each.length, "ETag": f'"{each.etag}"'} for each in parts]


def completed(location: str, key: str, bucket: str) -> Json:
    return {"location": location, "key": key, "bucket": bucket}


def refused(refusal: Refusal, request_id: str | None) -> Json:
    """Version 5 shows `message`."""
    told = {"error": refusal.code, "message": refusal.message}
    return told if request_id is None else {**told, "requestId": request_id}


def status(refusal: Refusal) -> int:
    """Nobody here asks again after a 423."""
    return STATUS[ServiceUnavailable if isinstance(refusal, UploadLocked) else type(refusal)]
