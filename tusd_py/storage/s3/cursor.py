"""The cursor of an upload in S3, and the entries of its parts, as the state store saves them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from tusd_py.domain.checkpoint import Cursor, Entry, Finished
from tusd_py.storage.s3.grid import Grid


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """An S3 object that holds a piece of a tail, as a cursor names it."""

    key: str
    length: int
    crc: int
    """CRC-32C of the part's bytes from its start to this segment's end, to be continued without reading the bytes."""
    as_json: Mapping[str, Any] = field(init=False, repr=False, compare=False)
    """The segment as JSON for a cursor. Made once, as a slow upload saves many cursors that name the same segments."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "as_json", {"key": self.key, "length": self.length, "crc": self.crc})


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part that S3 has acknowledged."""

    number: int
    length: int
    etag: str
    crc: str | None = None
    """CRC-32C in base64, None if it isn't known. CompleteMultipartUpload must repeat it if the multipart upload was
    created with CRC-32C."""

    def same_as(self, part: Part) -> bool:
        """Return True if both hold the same bytes: their lengths are equal, and their checksums or their ETags are."""
        by_checksum = self.crc is not None and self.crc == part.crc
        return self.length == part.length and (by_checksum or self.etag == part.etag)

    def to_entry(self) -> Entry:
        # Short keys: a record has up to 10,000 entries, and nodes of other versions read them
        entry: dict[str, Any] = {"n": self.number, "len": self.length, "etag": self.etag}
        return entry if self.crc is None else entry | {"crc": self.crc}

    @classmethod
    def from_entry(cls, entry: Entry) -> Part:
        return cls(number=entry["n"], length=entry["len"], etag=entry["etag"], crc=entry.get("crc"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The object that a part is copied from."""

    bucket: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """An object that S3 has stored, by one request or by a multipart upload."""

    etag: str
    """The object's ETag, without quotes."""
    troubled: bool = False
    """True if an earlier attempt to store it, or to create the multipart upload of a final upload's object, got no
    answer, or one that doesn't tell if S3 carried it out: that attempt may still take effect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMultipart:
    """The result of CreateMultipartUpload."""

    multipart: str
    """S3's id of the multipart upload."""
    troubled: bool = False
    """True if an earlier attempt to create it got no answer, or one that doesn't tell if S3 carried it out: there may
    be a second multipart upload."""


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Cursor:
    """The cursor of an upload in S3: all that is needed to continue the upload, except its parts, which are the
    upload's entries."""

    key: str
    """The key of the finished object."""
    grid: Grid
    multipart: str | None = None
    """The UploadId of the multipart upload, once it is created."""
    tail: tuple[Segment, ...] = ()
    """Segments of the recorded bytes after the last full part, in order."""
    etag: str | None = None
    """The ETag of the finished object, once the server has made or found that object; None before."""
    info: str | None = None
    """The key of the info object, if there is one."""
    bucket: str | None = None
    """The bucket of the object, multipart upload, segments and info object; None for the storage's own."""

    @property
    def tail_length(self) -> int:
        return sum(segment.length for segment in self.tail)

    @property
    def temporary_keys(self) -> frozenset[str]:
        """The keys of the tail's segments and of the info object, if there is one: objects that nothing needs once the
        upload is finished."""
        return frozenset(segment.key for segment in self.tail) | ({self.info} if self.info else frozenset())

    @property
    def started(self) -> bool:
        """True if, by this cursor, S3 has something of the upload: a multipart upload, segments, an info object or the
        finished object."""
        return self.multipart is not None or self.etag is not None or bool(self.temporary_keys)

    def to_finished(self, stored: StoredObject) -> Finished:
        """Return `stored` as the upload's finished object, with a cursor that has its ETag, and names no segments and
        no info object."""
        done = replace(self, etag=stored.etag, tail=(), info=None)
        return Finished(cursor=done.dump(), etag=stored.etag, troubled=stored.troubled)

    def dump(self) -> Cursor:
        """Return the cursor as JSON. It is made field by field, as `dataclasses.asdict` copies each value and costs
        more than the save of the record.

        If the cursor names a bucket other than the storage's own, the result is a JSON object with two members, that
        name as `bucket` and the rest as `cursor`: versions of this server that know only one bucket can't read it, and
        fail rather than look for the upload in the storage's own.
        """
        plain = {name: getattr(self, name) for name in _FIELDS}
        inner = plain | {"grid": self.grid.as_json, "tail": [segment.as_json for segment in self.tail]}
        return inner if self.bucket is None else {_BUCKET: self.bucket, _INNER: inner}

    @classmethod
    def load(cls, cursor: Mapping[str, Any]) -> S3Cursor:
        """Parse a cursor, ignoring the unknown fields of another version, except in `grid` and in the segments of
        `tail`: these raise TypeError.
        """
        inner = cursor.get(_INNER, cursor)
        values = {name: inner[name] for name in _FIELDS if name in inner}
        tail = tuple(Segment(**segment) for segment in inner["tail"])
        return cls(**{**values, "grid": Grid(**inner["grid"]), "tail": tail, "bucket": bucket_of(cursor)})


def bucket_of(cursor: Mapping[str, Any]) -> str | None:
    """Return the bucket that a cursor, given as JSON, names, without parsing the rest; None for the storage's own."""
    return cursor.get(_BUCKET)


def multipart_of(cursor: Mapping[str, Any]) -> str | None:
    """Return the UploadId that a cursor, given as JSON, names, without parsing the rest; None if it names no multipart
    upload."""
    multipart: str | None = cursor.get(_INNER, cursor).get("multipart")
    return multipart


_BUCKET, _INNER = "bucket", "cursor"
_FIELDS = tuple(field.name for field in fields(S3Cursor) if field.name != _BUCKET)
