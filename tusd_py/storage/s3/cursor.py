"""Where an upload's bytes lie in S3, as the state store keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from tusd_py.domain.upload import Cursor, Entry, Finished
from tusd_py.storage.s3.grid import Grid


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A small object with bytes that are too few for a part."""

    key: str
    length: int
    crc: int
    """CRC-32C of the part's bytes from its start to this segment's end, so that it can be continued without reading."""
    dumped: Mapping[str, Any] = field(init=False, repr=False, compare=False)
    """As a cursor has it. Made once: a slow upload has many cursors, and they name the same segments."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "dumped", {"key": self.key, "length": self.length, "crc": self.crc})


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part that S3 has acknowledged."""

    number: int
    length: int
    etag: str
    crc: str | None = None
    """CRC-32C, base64, where the profile sends one: Complete must then repeat it."""

    def same_as(self, other: Part) -> bool:
        """It holds the same bytes, as far as S3 tells."""
        by_checksum = self.crc is not None and self.crc == other.crc
        return self.length == other.length and (by_checksum or self.etag == other.etag)

    def to_entry(self) -> Entry:
        entry: dict[str, Any] = {"n": self.number, "len": self.length, "etag": self.etag}
        return entry if self.crc is None else entry | {"crc": self.crc}

    @classmethod
    def from_entry(cls, entry: Entry) -> Part:
        return cls(number=entry["n"], length=entry["len"], etag=entry["etag"], crc=entry.get("crc"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """Something S3 has under its key."""

    etag: str
    """Without quotes."""
    troubled: bool = False
    """An earlier attempt to store it got no answer: it may still take effect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A multipart upload."""

    multipart: str
    """S3's id of it."""
    troubled: bool = False
    """An earlier attempt to begin it got no answer: there may be one more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Cursor:
    """All that is needed to go on; the parts themselves are entries."""

    key: str
    """Of the finished object."""
    grid: Grid
    multipart: str | None = None
    """S3's id of the multipart upload, once there is one."""
    tail: tuple[Segment, ...] = ()
    """The recorded bytes after the last full part, in order."""
    etag: str | None = None
    """Of the finished object, once it is there."""
    info: str | None = None
    """The key of the info object, where there is one."""

    @property
    def tail_length(self) -> int:
        return sum(segment.length for segment in self.tail)

    @property
    def beside(self) -> frozenset[str]:
        """The keys of what is kept beside the object until it is finished: the tail and the info."""
        return frozenset(segment.key for segment in self.tail) | ({self.info} if self.info else frozenset())

    @property
    def began(self) -> bool:
        """Something is stored: S3 was asked for more than nothing."""
        return self.multipart is not None or self.etag is not None or bool(self.beside)

    def made(self, stored: Stored) -> Finished:
        """The object is there: what was kept beside it isn't needed any more."""
        done = replace(self, etag=stored.etag, tail=(), info=None)
        return Finished(cursor=done.dump(), etag=stored.etag, troubled=stored.troubled)

    def dump(self) -> Cursor:
        """Field by field: `dataclasses.asdict` copies each value, and costs more than the save it is for."""
        plain = {name: getattr(self, name) for name in _FIELDS}
        return plain | {"grid": asdict(self.grid), "tail": [segment.dumped for segment in self.tail]}

    @classmethod
    def load(cls, cursor: Mapping[str, Any]) -> S3Cursor:
        """Fields of another version are passed over, as `state.codec` does it."""
        known = {name: cursor[name] for name in _FIELDS if name in cursor}
        tail = tuple(Segment(**segment) for segment in cursor["tail"])
        return cls(**{**known, "grid": Grid(**cursor["grid"]), "tail": tail})


_FIELDS = tuple(field.name for field in fields(S3Cursor))
