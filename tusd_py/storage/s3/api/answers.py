"""What S3 answers and is told, between botocore's dictionaries and our values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from tusd_py.storage.s3.api.errors import S3Trouble
from tusd_py.storage.s3.cursor import Part

if TYPE_CHECKING:
    from types_aiobotocore_s3.type_defs import PartTypeDef


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """An object, or a multipart upload that isn't complete, as a listing shows it."""

    key: str
    since: float
    """When it was last written or begun: seconds since the epoch."""
    size: int = 0
    """Of an object, in bytes."""
    multipart: str | None = None


def told(operation: str, answer: Mapping[str, Any], what: str) -> Any:
    """A success that doesn't say what was made is none that one can rely on."""
    if not answer.get(what):
        raise S3Trouble(operation, HTTPStatus.OK, f"No{what}")
    return answer[what]


def etag_of(operation: str, answer: Mapping[str, Any]) -> str:
    """Without its quotes."""
    return str(told(operation, answer, "ETag")).strip('"')


def listed_part(part: PartTypeDef) -> Part:
    etag, crc = part["ETag"].strip('"'), part.get("ChecksumCRC32C")
    return Part(number=part["PartNumber"], length=part["Size"], etag=etag, crc=crc)


def completed(part: Part) -> Any:
    listed = {"PartNumber": part.number, "ETag": f'"{part.etag}"'}
    return listed if part.crc is None else listed | {"ChecksumCRC32C": part.crc}
