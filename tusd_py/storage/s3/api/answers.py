"""Conversions between botocore's dictionaries and the values that this package makes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar

from tusd_py.storage.s3.api.errors import S3TransientError
from tusd_py.storage.s3.cursor import Part

if TYPE_CHECKING:
    from types_aiobotocore_s3.type_defs import PartTypeDef


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """An object, or a multipart upload that isn't complete, as a listing shows it."""

    key: str
    since: float
    """The time of its last write, or of its creation if a multipart upload: seconds since the epoch."""
    size: int = 0
    """The object's size in bytes; 0 for a multipart upload."""
    multipart: str | None = None


_WORDS: Mapping[str, Sequence[str]] = {
    "ListParts": ("UploadId", "Key", "IsTruncated"),
    "ListMultipartUploads": ("Bucket", "IsTruncated"),
    "ListObjectsV2": ("Name", "IsTruncated"),
    "DeleteObjects": ("Deleted", "Errors"),
    "HeadObject": ("ContentLength",),
}
"""Fields by which an answer is known as S3's: every provider sends one of them, and no page of a proxy does, except
that a proxy's answer to a HEAD may have a Content-Length: `S3Client.head` requires an ETag, too."""

T = TypeVar("T", bound=Mapping[str, object])


def require_words(operation: str, answer: T) -> T:
    """Return the answer. Raises S3TransientError if it has none of the fields by which S3's answers are known
    (`_WORDS`): botocore reports no error for missing fields, so a page that a proxy sends with status 200 would
    make a bucket look empty.
    """
    if not any(name in answer for name in _WORDS[operation]):
        raise S3TransientError(operation, HTTPStatus.OK, f"No{_WORDS[operation][0]}")
    return answer


def require_field(operation: str, answer: Mapping[str, Any], name: str) -> Any:
    """Return the field. Raises S3TransientError if it is missing or empty: a success must name its result."""
    if not answer.get(name):
        raise S3TransientError(operation, HTTPStatus.OK, f"No{name}")
    return answer[name]


def etag_of(operation: str, answer: Mapping[str, Any]) -> str:
    """Return the answer's ETag without its quotes. Raises S3TransientError if it has none."""
    return str(require_field(operation, answer, "ETag")).strip('"')


def listed_part(part: PartTypeDef) -> Part:
    etag, crc = part["ETag"].strip('"'), part.get("ChecksumCRC32C")
    return Part(number=part["PartNumber"], length=part["Size"], etag=etag, crc=crc)


def completed_part(part: Part) -> Any:
    fields = {"PartNumber": part.number, "ETag": f'"{part.etag}"'}
    return fields if part.crc is None else fields | {"ChecksumCRC32C": part.crc}
