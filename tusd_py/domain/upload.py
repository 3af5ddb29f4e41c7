"""The values of the domain, without I/O, clocks or randomness: times and ids come in as arguments."""

from __future__ import annotations

import enum
import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NewType

UploadId = NewType("UploadId", str)
"""32 lower-case hex digits: 128 random bits, never chosen by a client."""

Metadata = Mapping[str, bytes]
"""Upload-Metadata, decoded: ASCII keys in the order in which they were sent, values of any bytes."""

TYPE_KEYS, NAME_KEYS = ("filetype", "type", "contentType"), ("filename", "name")
"""Metadata keys under which clients declare an upload's type and name; the first that isn't empty counts."""


def declared(metadata: Metadata, keys: Sequence[str]) -> str:
    """Return the first value of the keys that isn't empty; empty if all are."""
    return next((metadata[key].decode("utf-8", "replace") for key in keys if metadata.get(key)), "")


Cursor = Mapping[str, Any]
"""The location of an upload's bytes, as JSON that only its storage reads."""

Entry = Mapping[str, Any]
"""An entry of the upload's list of parts, as JSON that only its storage reads."""

_UPLOAD_ID = re.compile(r"[0-9a-f]{32}")


def parse_upload_id(text: str) -> UploadId | None:
    """Return the id, or None for text that doesn't have its exact form."""
    return UploadId(text) if _UPLOAD_ID.fullmatch(text) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """A state store and a storage that belong together, as the state store records it."""

    id: str
    """An id in the form of an upload's, which the storage has too. A secret: read links' keys are derived from it."""
    stored: bool = False
    """True once the id is written into the storage."""
    adopted_at: float | None = None
    """The time at which an empty state store adopted the storage's id, in seconds since the epoch; None once `repair`
    has run."""

    @property
    def label(self) -> str:
        """The start of the id: enough to tell installations apart."""
        return label(self.id)


def label(installation_id: str) -> str:
    """Return the part of an installation's id that people and logs may see."""
    return installation_id[:8]


class Kind(enum.StrEnum):
    """The role of an upload (tus 1.0, concatenation)."""

    REGULAR = "regular"
    PARTIAL = "partial"
    FINAL = "final"


class Phase(enum.StrEnum):
    """The phase of an upload's life. `lifecycle.FOLLOWING` lists the allowed transitions."""

    OPEN = "open"
    """Takes bytes."""
    FINISHING = "finishing"
    """Every byte is recorded; the object is being assembled, if need be by the next request or sweep."""
    DONE = "done"
    """The object exists, with the right size."""
    TERMINATING = "terminating"
    """Clients no longer see it; what it holds in the storage is being removed."""
    GONE = "gone"
    """Only the record that it existed is left (answered with 410 where that is set)."""


class Direct(enum.StrEnum):
    """The way in which a client sends an upload's bytes straight to the storage."""

    WHOLE = "whole"
    """In one request, which isn't reported to this server: it has to look for the object."""
    PARTS = "parts"
    """As parts of a multipart upload, until the client completes it."""


ALIVE = frozenset({Phase.OPEN, Phase.FINISHING, Phase.DONE})
UNFINISHED = frozenset({Phase.OPEN, Phase.FINISHING})

LARGEST_CLAIM = 2**53
"""Bytes that one upload claims at most. Clients may declare more, but not every state store could add that up."""

RETRY_SECONDS = 30.0
"""Seconds that a sweep leaves an upload alone that is finishing, terminating or awaited, and within which a request to
the storage that got no answer may still take effect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """The record of one upload in the state store. Times are seconds since the epoch (UTC)."""

    id: UploadId
    kind: Kind = Kind.REGULAR
    phase: Phase = Phase.OPEN
    length: int | None
    """Bytes in all; None while deferred."""
    explicit_completion: bool = False
    """True if even with all its bytes it isn't complete before a request says so (IETF resumable uploads)."""
    offset: int = 0
    """Bytes that are durable and recorded, counted from the start without a gap."""
    owner: str | None = None
    """The identity of the caller that created it; None if it had none."""
    metadata: Metadata = field(default_factory=dict)
    partials: tuple[UploadId, ...] = ()
    """The partial uploads that a final one is made of, in order."""
    direct: Direct | None = None
    """None if the bytes come through this server."""
    troubled_at: float | None = None
    """The last time at which a write failed or got no answer, or a lock holder died; None if that never happened. The
    storage may hold, or may yet get, something that this record doesn't name: it is looked for at the upload's end."""
    presigned_until: float | None = None
    """The time until which the client holds a presigned request that can create the object, even a second time."""
    parts_check_at: float | None = None
    """The time at which a sweep is to count the bytes that the client has stored as parts; None for never."""
    cursor: Cursor = field(default_factory=dict)
    etag: str | None = None
    """The finished object's strong validator, without its quotes."""
    digest_algorithm: str | None = None
    """`sha256` or `sha512`, for the digest of all bytes; None if no request asked for one."""
    digest: str | None = None
    """In hex: the one that the client announced; once done, the one that was computed."""
    created_at: float
    updated_at: float
    expires_at: float | None = None
    """The time from which it may be removed: by expire-after or max-age if unfinished, by retention if finished."""
    revision: int = 0
    """A number that grows by one with each save; a save of an older revision is refused."""

    @property
    def alive(self) -> bool:
        return self.phase in ALIVE

    @property
    def done(self) -> bool:
        return self.phase is Phase.DONE

    @property
    def claim(self) -> int | None:
        """Bytes that it claims while unfinished: its length, or its offset if the length is deferred; else None."""
        if self.phase not in UNFINISHED:
            return None
        return min(self.offset if self.length is None else self.length, LARGEST_CLAIM)

    @property
    def end(self) -> int | None:
        """The offset at which it is complete; None while that is unknown."""
        return None if self.explicit_completion else self.length

    @property
    def settled_length(self) -> int | None:
        """The length, but None while the upload has reached it without being complete: some clients would take it for
        complete."""
        return None if self.explicit_completion and self.offset == self.length else self.length

    @property
    def full(self) -> bool:
        """True if every byte is recorded, and no more are to come (the object need not exist yet)."""
        return self.offset == self.end

    @property
    def due_at(self) -> float | None:
        """The time at which a sweep should look at it; None for never.

        An awaited object may never come, and each look asks the storage: the pauses between looks grow fourfold.
        """
        if self.phase is Phase.FINISHING:
            return max(self.updated_at, self.troubled_at or 0.0) + RETRY_SECONDS
        if self.phase is Phase.TERMINATING:
            return max(self.updated_at + RETRY_SECONDS, self.settled_at)
        if self.awaited:
            return self._look_at
        if self.done and self.troubled_at is not None:
            return min(self.settled_at, math.inf if self.expires_at is None else self.expires_at)
        if self.phase is Phase.OPEN and self.parts_check_at is not None:
            return min(self.parts_check_at, math.inf if self.expires_at is None else self.expires_at)
        return self.expires_at

    @property
    def _look_at(self) -> float:
        """The time of the next look for an awaited object. The last look is at its expiry, unless that look fails."""
        if self.expired(self.updated_at):
            return self.updated_at + RETRY_SECONDS
        look = self.updated_at + max(RETRY_SECONDS, 3 * (self.updated_at - self.created_at))
        return look if self.expires_at is None else min(look, self.expires_at)

    @property
    def settled_at(self) -> float:
        """The time from which no earlier or presigned request can create anything of it in the storage any more."""
        late = 0.0 if self.troubled_at is None else self.troubled_at + RETRY_SECONDS
        return max(late, self.presigned_until or 0.0)

    @property
    def validator(self) -> str:
        """The ETag sent to readers. Never the id, with which they could terminate the upload: records of earlier
        versions have it as their ETag."""
        return self.fixed_etag if self.etag is None or self.etag == self.id else self.etag

    @property
    def fixed_etag(self) -> str:
        """The ETag of an object that is written once. It doesn't reveal the id."""
        return hashlib.blake2b(self.id.encode(), digest_size=16).hexdigest()

    @property
    def awaited(self) -> bool:
        """True if its object may exist already, which only the storage knows."""
        return self.phase is Phase.OPEN and self.direct is Direct.WHOLE

    def expired(self, now: float) -> bool:
        """Return True if it has expired. A finishing upload has all its bytes: it is finished, and never expires."""
        may_expire = self.phase is not Phase.FINISHING
        return may_expire and self.expires_at is not None and self.expires_at <= now

    def visible(self, now: float) -> bool:
        """Return True if clients may see it."""
        return self.alive and not self.expired(now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfinished:
    """The totals of all open or finishing uploads, as far as they are known."""

    count: int = 0
    claimed: int = 0
    """The sum of their claims in bytes (`Upload.claim`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The finished object, as its storage made it."""

    cursor: Cursor
    etag: str
    troubled: bool = False
    """True if a write got no answer before it was repeated, and so may yet take effect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A state in which every byte before `offset` is durable, and `cursor` with the entries added so far locates it."""

    offset: int
    cursor: Cursor
    added: tuple[Entry, ...] = ()
    finished: Finished | None = None
    """Set if writing these bytes created the finished object (a small upload's one PutObject)."""
    troubled: bool = False
    """True if a write got no answer before it was repeated, and so may yet take effect."""


@dataclass(frozen=True, slots=True)
class Span:
    """The bytes from `start` up to, not including, `stop`."""

    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectPart:
    """A part that a client has sent straight to the storage, as the storage or the client lists it."""

    number: int
    etag: str
    """Without quotes."""
    length: int = 0
    """In bytes; only the storage lists it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A presigned request: anyone who has it may send it to the storage, unchanged, until it expires."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    """Header fields to send with a PUT."""
    fields: Mapping[str, str] = field(default_factory=dict)
    """Fields of the form to POST, before its file; empty for a PUT."""
