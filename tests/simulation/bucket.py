"""A bucket in memory, which refuses wrong digests and ETags, failed conditions (If-Match, If-None-Match), and parts out
of order, too many, too small, too large or, as R2 does, unequal."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import google_crc32c

from tusd_py.storage.s3.options import Profile

MIN_PART = 4
PROFILE = Profile(min_part=MIN_PART)
"""A provider whose smallest part has MIN_PART bytes."""


class Refused(Exception):
    """An error answer of the bucket: its HTTP status and S3's error code."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(f"{status} {code}")
        self.status, self.code = status, code


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """An object or a part."""

    content: bytes
    etag: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    crc: str | None = None
    """The CRC-32C that came with the content, in base64; None if none came."""
    at: float = 0.0


@dataclass(slots=True, kw_only=True)
class Multipart:
    """A multipart upload that is neither completed nor aborted."""

    key: str
    metadata: Mapping[str, str]
    wants_crc: bool
    at: float
    parts: dict[int, Stored] = field(default_factory=dict)


class Bucket:
    """A bucket in memory. An ETag is the MD5 of the content, or, of a completed multipart upload, of its parts' ETags,
    followed by `-` and their number. With `opaque`, each write gets another one, as with SSE-KMS.

    With `equal_parts` in its profile, all parts but the last must have one size, and the last no larger one, as with
    R2.
    """

    def __init__(self, profile: Profile = PROFILE, *, opaque: bool = False) -> None:
        self._profile = profile
        self.objects: dict[str, Stored] = {}
        self.multiparts: dict[str, Multipart] = {}
        self._opaque = opaque
        self._writes = 0

    def put(self, key: str, content: bytes, headers: Mapping[str, str], now: float) -> str:
        crc = _verified(content, headers)
        if headers.get("If-None-Match") == "*" and key in self.objects:
            raise Refused(412, "PreconditionFailed")
        metadata = {
            name.removeprefix("x-amz-meta-"): value for name, value in headers.items() if name.startswith("x-amz-meta-")
        }
        self.objects[key] = Stored(content=content, etag=self._etag(content), metadata=metadata, crc=crc, at=now)
        return self.objects[key].etag

    def get(self, key: str, headers: Mapping[str, str]) -> bytes:
        stored = self._object(key)
        if headers.get("If-Match", f'"{stored.etag}"') != f'"{stored.etag}"':
            raise Refused(412, "PreconditionFailed")
        return stored.content[_range(headers.get("Range"), stored.content)]

    def head(self, key: str) -> Stored:
        return self._object(key)

    def delete(self, keys: Sequence[str]) -> None:
        for key in keys:
            self.objects.pop(key, None)

    def begin(self, key: str, metadata: Mapping[str, str], now: float, *, wants_crc: bool) -> str:
        self._writes += 1
        multipart = f"multipart-{self._writes}"
        self.multiparts[multipart] = Multipart(key=key, metadata=metadata, wants_crc=wants_crc, at=now)
        return multipart

    def put_part(self, key: str, multipart: str, number: int, content: bytes, headers: Mapping[str, str]) -> str:
        assembly = self.multipart(key, multipart)
        crc = _verified(content, headers)
        if assembly.wants_crc and crc is None:
            raise Refused(400, "InvalidRequest")
        self._check_part(number, content)
        assembly.parts[number] = Stored(content=content, etag=self._etag(content), crc=crc)
        return assembly.parts[number].etag

    def copy_part(self, key: str, multipart: str, number: int, source: str, headers: Mapping[str, str]) -> str:
        content = self.get(source, headers)
        if len(content) != _asked_for(headers["Range"]):
            raise Refused(400, "InvalidArgument")
        assembly = self.multipart(key, multipart)
        self._check_part(number, content)
        assembly.parts[number] = Stored(content=content, etag=self._etag(content))
        return assembly.parts[number].etag

    def complete(
        self, key: str, multipart: str, listed: Sequence[Mapping[str, Any]], total: int | None, now: float
    ) -> str:
        assembly = self.multipart(key, multipart)
        parts = [_matching(assembly, part) for part in listed]
        if [part["PartNumber"] for part in listed] != list(range(1, len(listed) + 1)):
            raise Refused(400, "InvalidPartOrder")
        if any(len(part.content) < self._profile.min_part for part in parts[:-1]):
            raise Refused(400, "EntityTooSmall")
        if self._profile.equal_parts and not _are_equal(parts):
            raise Refused(400, "InvalidPart")
        content = b"".join(part.content for part in parts)
        if not parts or total not in (None, len(content)):
            raise Refused(400, "InvalidRequest")
        del self.multiparts[multipart]
        etag = f"{self._etag(b''.join(part.etag.encode() for part in parts))}-{len(parts)}"
        self.objects[key] = Stored(content=content, etag=etag, metadata=assembly.metadata, at=now)
        return etag

    def abort(self, key: str, multipart: str) -> None:
        self.multipart(key, multipart)
        del self.multiparts[multipart]

    def multipart(self, key: str, multipart: str) -> Multipart:
        assembly = self.multiparts.get(multipart)
        if assembly is None or assembly.key != key:
            raise Refused(404, "NoSuchUpload")
        return assembly

    def _check_part(self, number: int, content: bytes) -> None:
        if number > self._profile.max_parts:
            raise Refused(400, "InvalidArgument")
        if len(content) > self._profile.max_part:
            raise Refused(400, "EntityTooLarge")

    def _object(self, key: str) -> Stored:
        if key not in self.objects:
            raise Refused(404, "NoSuchKey")
        return self.objects[key]

    def _etag(self, content: bytes) -> str:
        self._writes += 1
        salt = str(self._writes).encode() if self._opaque else b""
        return hashlib.md5(content + salt, usedforsecurity=False).hexdigest()


def _are_equal(parts: Sequence[Stored]) -> bool:
    """Return True if all parts have the size of the first; the last may be smaller."""
    sizes = [len(part.content) for part in parts]
    return all(size == sizes[0] for size in sizes[:-1]) and sizes[-1] <= sizes[0]


def _verified(content: bytes, headers: Mapping[str, str]) -> str | None:
    """Return the CRC-32C of the headers, in base64; None without one. Raises Refused unless Content-MD5 and CRC-32C,
    where given, are those of the content."""
    md5 = base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()
    if headers.get("Content-MD5") not in (None, md5):
        raise Refused(400, "BadDigest")
    checksum = headers.get("x-amz-checksum-crc32c")
    if checksum not in (None, base64.b64encode(google_crc32c.value(content).to_bytes(4, "big")).decode()):
        raise Refused(400, "BadDigest")
    return checksum


def _range(header: str | None, content: bytes) -> slice:
    if header is None:
        return slice(0, len(content))
    first, last = header.removeprefix("bytes=").split("-")
    if int(first) >= len(content):
        raise Refused(416, "InvalidRange")
    return slice(int(first), min(int(last) + 1, len(content)) if last else len(content))


def _asked_for(header: str) -> int:
    first, last = map(int, header.removeprefix("bytes=").split("-"))
    return last + 1 - first


def _matching(assembly: Multipart, listed: Mapping[str, Any]) -> Stored:
    part = assembly.parts.get(listed["PartNumber"])
    if part is None or f'"{part.etag}"' != listed["ETag"]:
        raise Refused(400, "InvalidPart")
    if assembly.wants_crc and listed.get("ChecksumCRC32C") != part.crc:
        raise Refused(400, "InvalidPart")
    return part
