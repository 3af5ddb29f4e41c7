"""The messages of Companion's S3 routes, as @uppy/aws-s3 sends and reads them, and those of the route `s3/presign`, for
the option `signRequest` of @uppy/aws-s3.

Sources: @uppy/aws-s3 5.1.0 and 6.3.1. Their `uploadId` is the id of this server's upload, whose record has the id of
S3's multipart upload.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tusd_py.domain.direct import DirectMode, DirectPart, Signed
from tusd_py.domain.intents import Begin
from tusd_py.domain.lengths import check_metadata
from tusd_py.domain.limits import Limits
from tusd_py.domain.metadata import Metadata
from tusd_py.domain.numbers import parse_integer
from tusd_py.domain.refusals import Malformed, Refusal, ServiceUnavailable, UploadLocked, UploadNotFound
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId, parse_upload_id
from tusd_py.protocol.headers import parse_metadata_key
from tusd_py.protocol.statuses import STATUS

Json = Mapping[str, Any]

MEMORY_FACTOR = 14
"""The most bytes of memory that a JSON request may take per byte, for itself, its text and its parsed values: a list of
parts takes 7, a long name with emoji 11, other JSON up to 40. A request that could take more is refused, unless all
it could take is at most 64 KiB (`_LIGHT`)."""
_LIGHT = 64 * 1024
"""Bytes of memory that a JSON request may take in any case, however short it is."""
_OBJECT, _VALUE, _KEY = 200, 80, 110
"""Bytes of memory that CPython 3.11 takes for an object, a value in a list or object, and a key that no other object
has; each without the characters of its text."""
_ASCII, _SHORT, _LONG = 1, 2, 4
"""Bytes of a character in CPython's strings: in those of ASCII alone, in most others, and in those with emoji."""
_SPARE = 1.25
"""The factor by which CPython allocates more than it needs while it puts a string together from escapes."""
_HALF = re.compile("[\ud800-\udfff]")
"""Half of a surrogate pair."""
_ASTRAL = re.compile(rb"[\xf0-\xff]")
"""The first byte of a character that takes four, in UTF-8 and in CPython."""
_IN_QUERY = re.compile(r"metadata\[(.+)\]", re.DOTALL)
_SIZE = "filesize"
"""The metadata key with the upload's length, for clients that can't send it as `size`."""


def read_json(body: bytes) -> Json:
    """Return the JSON object in the body of a request. Raises Malformed, also if reading could take more memory than a
    body of this length may (`MEMORY_FACTOR`)."""
    if _memory_size(body) > max(MEMORY_FACTOR * len(body), _LIGHT):
        raise Malformed("the JSON has too many values for its length")
    try:
        value = _load(body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, Mapping):
        raise Malformed("send a JSON object")
    return value


def _load(text: str) -> object:
    """Return the value of a JSON text. Raises RecursionError; ValueError, also for half of a surrogate pair, which
    can't be stored as UTF-8.
    """
    value: object = json.loads(text)
    if "\\u" in text and any(_HALF.search(string) for string in _strings(value)):
        raise ValueError("half of a surrogate pair")
    return value


def _strings(value: object) -> Iterator[str]:
    """Yield all strings in a parsed JSON value, keys as well as values, at any depth. Only references are copied, so
    that this takes little memory.
    """
    waiting = [value]
    while waiting:
        match waiting.pop():
            case str() as text:
                yield text
            case list() as values:
                waiting += values
            case dict() as members:
                waiting += members
                waiting += members.values()


def _memory_size(body: bytes) -> float:
    """Return an upper bound of the bytes of memory that reading a JSON request can take: for the body, its decoded
    text, the parsed strings and what holds them. Brackets, commas and colons are counted to estimate the last."""
    values = _VALUE * (body.count(b"[") + body.count(b",")) + _KEY * body.count(b":")
    per_byte = 1 + _text_width(body) + _string_width(body)
    return per_byte * len(body) + _OBJECT * body.count(b"{") + values


def _text_width(body: bytes) -> int:
    """Return the most bytes that CPython takes for each character of the text in `body`: the widest character
    decides for all.
    """
    if body.isascii():
        return _ASCII
    return _LONG if _ASTRAL.search(body) else _SHORT


def _string_width(body: bytes) -> float:
    """Return the most bytes that CPython takes for each character of a string in the body. A string with
    escapes is put together piece by piece, with spare bytes; at its first wide character the string exists
    twice for a moment, narrow and wide.
    """
    width = _LONG if b"\\u" in body else _text_width(body)
    if b"\\" not in body:
        return width
    return _SPARE if width == _ASCII else _SPARE * (width + 1)


def read_query(query: Mapping[str, str]) -> Json:
    """Return the query of GET `s3/params` in the form that `read_begin` reads: with the values of all parameters
    `metadata[key]`, by their keys, in the member `metadata`."""
    metadata = {match[1]: value for name, value in query.items() if (match := _IN_QUERY.fullmatch(name))}
    return {**query, "metadata": metadata}


def read_begin(message: Json, mode: DirectMode, limits: Limits) -> Begin:
    """Return the intent to create an upload whose bytes go straight to the storage, in one request or as parts, as
    `mode` says. Raises Malformed.

    `filename`, `type` and `metadata` of the message are Uppy's; the length is that in `size`, a member that only this
    server knows; if that is missing, null or empty, that in the metadata as `filesize`; None if there is neither.
    """
    metadata = _metadata(message, limits)
    sizes = (message.get("size"), metadata.get(_SIZE, b"").decode("latin-1"))
    size = next((size for size in sizes if size not in ("", None)), None)
    length = None if size is None else parse_integer("size", str(size))
    return Begin(mode=mode, length=length, metadata=metadata)


def _metadata(message: Json, limits: Limits) -> Metadata:
    """Return the metadata under the keys of tus clients: `filename` and `type` of the message become `filename` and
    `filetype`, each unless the message's `metadata` has that key itself. Raises Malformed."""
    sent_metadata = message.get("metadata") or {}
    if not isinstance(sent_metadata, Mapping):
        raise Malformed("metadata must be an object")
    values = {"filename": message.get("filename"), "filetype": message.get("type"), **sent_metadata}
    metadata = {
        parse_metadata_key("metadata", str(key)): _text(key, value).encode("utf-8", "replace")
        for key, value in values.items()
        if value is not None
    }
    check_metadata(metadata, limits)
    return metadata


def _text(key: str, value: object) -> str:
    if not isinstance(value, str | int | float):
        raise Malformed(f"metadata must be text: {key[:64]!a} is not")
    return value if isinstance(value, str) else json.dumps(value)


def read_parts(message: Json) -> Sequence[DirectPart]:
    """Return the parts that a request to complete a multipart upload lists. Raises Malformed."""
    parts = message.get("parts")
    if not isinstance(parts, list):
        raise Malformed("parts must be a list")
    return [_read_part(part) for part in parts]


def _read_part(part: object) -> DirectPart:
    if not isinstance(part, Mapping) or not isinstance(part.get("ETag"), str):
        raise Malformed("each part needs a PartNumber and an ETag")
    number = parse_integer("PartNumber", str(part.get("PartNumber", "")))
    return DirectPart(number=number, etag=part["ETag"].strip('"'))


@dataclass(frozen=True, slots=True, kw_only=True)
class Presign:
    """A request to S3 that a client asks this server to presign, as @uppy/aws-s3 passes it to its option
    `signRequest`."""

    method: str
    """The HTTP method of the request to presign, in upper case."""
    key: str
    """The object's key; the file's name if the request is to create the upload."""
    upload_id: UploadId | None
    """The id of the upload that the request is for; None if the request is to create one."""
    part: int | None
    """The number of the part to send; None if the request sends none."""
    length: int | None
    """Bytes of the part; None if the client doesn't declare them."""


def read_length(text: object) -> int | None:
    """Return the length in bytes that the client declares for a part, to which its presigned request is bound; None if
    there is none, as with Uppy. Raises Malformed."""
    return None if text is None else parse_integer("length", str(text))


def read_presign(message: Json) -> Presign:
    """Return the request to presign. Raises Malformed; UploadNotFound if `uploadId` can't be an upload's id."""
    method, key, upload_id = message.get("method"), message.get("key"), message.get("uploadId")
    number = message.get("partNumber")
    if not isinstance(method, str) or not isinstance(key, str):
        raise Malformed("method and key must be text")
    parsed_id = None if upload_id is None else parse_upload_id(str(upload_id))
    if upload_id is not None and parsed_id is None:
        raise UploadNotFound
    part = None if number is None else parse_integer("partNumber", str(number))
    return Presign(
        method=method.upper(), key=key, upload_id=parsed_id, part=part, length=read_length(message.get("length"))
    )


def as_begin(message: Json) -> Json:
    """Return the message of a presign request that creates an upload in the form that `read_begin` reads: its `key` as
    `filename` and its `contentType` as `type`, each unless the message has that member itself."""
    return {"filename": message.get("key"), "type": message.get("contentType"), **message}


# Responses


def whole(signed: Signed, lifetime: float) -> Json:
    """Return the answer to GET `s3/params`: a form to POST, or a PUT if the storage's provider takes no forms.
    `lifetime`, the time for which the presigned request is valid, is in seconds."""
    method = "POST" if signed.fields else "PUT"
    headers = {} if signed.fields else {"headers": signed.headers}
    return {"method": method, "url": signed.url, "fields": signed.fields, "expires": int(lifetime), **headers}


def presigned(signed: Signed, key: str) -> Json:
    """Return the answer to POST `s3/presign`, which `signRequest` returns to Uppy. `key` is the object's key; for a new
    upload, this server has chosen it, and it can differ from the one that the client named."""
    extras = {"headers": signed.headers, "fields": signed.fields}
    return {"url": signed.url, "key": key, **{name: value for name, value in extras.items() if value}}


def initiated(upload: Upload, key: str, bucket: str) -> Json:
    return {"key": key, "uploadId": upload.id, "bucket": bucket}


def part(signed: Signed, lifetime: float) -> Json:
    """Return the answer to a request for the presigned URL of one part. `lifetime` is in seconds; Uppy 5 takes it, as
    `expires`, for the timeout of the part's transfer."""
    return {"url": signed.url, "expires": int(lifetime)}


def stored(parts: Sequence[DirectPart]) -> list[Json]:
    return [{"PartNumber": part.number, "Size": part.length, "ETag": f'"{part.etag}"'} for part in parts]


def completed(location: str, key: str, bucket: str) -> Json:
    return {"location": location, "key": key, "bucket": bucket}


def refused(refusal: Refusal, request_id: str | None) -> Json:
    """Return the body of a refusal; Uppy 5 shows its `message` to the user."""
    body = {"error": refusal.code, "message": refusal.message}
    return body if request_id is None else {**body, "requestId": request_id}


def status(refusal: Refusal) -> int:
    """Return the HTTP status of a refusal: 503 for a locked upload, since Companion's clients don't retry a 423."""
    return STATUS[ServiceUnavailable if isinstance(refusal, UploadLocked) else type(refusal)]
