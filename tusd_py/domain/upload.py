"""The nouns. Plain values without I/O, clocks or randomness: time and ids come in as arguments."""

from __future__ import annotations

import enum
import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NewType

UploadId = NewType("UploadId", str)
"""32 lower-case hex digits: 128 random bits, never anything a client chose."""

Metadata = Mapping[str, bytes]
"""Upload-Metadata, decoded: ASCII keys in the order they were sent, values of any bytes."""

TYPE_KEYS, NAME_KEYS = ("filetype", "type", "contentType"), ("filename", "name")
"""Keys of the metadata that clients declare an upload's type and name under; the first that says something counts."""


def declared(metadata: Metadata, keys: Sequence[str]) -> str:
    """What the first of the keys says that isn't empty; empty if none does."""
    return next((metadata[key].decode("utf-8", "replace") for key in keys if metadata.get(key)), "")


Cursor = Mapping[str, Any]
"""Where an upload's bytes lie, as JSON that only its storage reads."""

Entry = Mapping[str, Any]
"""One more line for the upload's list of parts, as JSON that only its storage reads."""

_UPLOAD_ID = re.compile(r"[0-9a-f]{32}")


def parse_upload_id(text: str) -> UploadId | None:
    """The id, or None for anything that isn't one in its exact form."""
    return UploadId(text) if _UPLOAD_ID.fullmatch(text) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """A state and a storage that belong together, as the state remembers it."""

    id: str
    """In the form of an upload's id; the storage has it too. A secret: the keys of links for readers come from it."""
    stored: bool = False
    """It was written into the storage."""
    adopted_at: float | None = None
    """When an empty state took the storage's id over, in seconds since the epoch; None once `repair` has run."""

    @property
    def label(self) -> str:
        """Enough of the id to tell installations apart by."""
        return label(self.id)


def label(installation_id: str) -> str:
    """What people and logs may see of an installation's id."""
    return installation_id[:8]


class Kind(enum.StrEnum):
    """What an upload is for (tus 1.0, concatenation)."""

    REGULAR = "regular"
    PARTIAL = "partial"
    FINAL = "final"


class Phase(enum.StrEnum):
    """Where an upload is in its life. `lifecycle.FOLLOWING` says what may follow what."""

    OPEN = "open"
    """Takes bytes."""
    FINISHING = "finishing"
    """Every byte is recorded; the object is being made, by whoever comes next if need be."""
    DONE = "done"
    """The object exists, with the right size."""
    TERMINATING = "terminating"
    """Nobody sees it any more; what it left in the storage is being removed."""
    GONE = "gone"
    """Nothing is left but the memory that it existed (answers 410 where that is set)."""


class Direct(enum.StrEnum):
    """How an upload's bytes get from its client into the storage, past this server."""

    WHOLE = "whole"
    """In one request, of which nobody tells us: we look."""
    PARTS = "parts"
    """As parts of a multipart upload, until the client says that all are there."""


ALIVE = frozenset({Phase.OPEN, Phase.FINISHING, Phase.DONE})
UNFINISHED = frozenset({Phase.OPEN, Phase.FINISHING})

LARGEST_CLAIM = 2**53
"""Bytes. Clients may declare more, but not all states could add that up."""

RETRY_SECONDS = 30.0
"""How long a sweep leaves an upload alone that is finishing, terminating or awaited; and how long something that was
sent without an answer may take to take effect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """One upload as the state store remembers it. Times are seconds since the epoch (UTC)."""

    id: UploadId
    kind: Kind = Kind.REGULAR
    phase: Phase = Phase.OPEN
    length: int | None
    """Bytes in all; None while deferred."""
    waits: bool = False
    """Even with all its bytes it is not complete before a request says so (IETF resumable uploads)."""
    offset: int = 0
    """Bytes that are durable and recorded, counted from the start without a gap."""
    owner: str | None = None
    """The identity of the caller that created it; None where it had none."""
    metadata: Metadata = field(default_factory=dict)
    partials: tuple[UploadId, ...] = ()
    """For a final upload: what it is made of, in order."""
    direct: Direct | None = None
    """None where the bytes come through this server."""
    troubled_at: float | None = None
    """When a write last failed or got no answer, or a lock holder died: that may have left something in the storage,
    or may yet, which this record doesn't name. It is looked for at the upload's end. None if all went well."""
    signed_until: float | None = None
    """Until then the client has something signed that can make the object, even anew."""
    count_at: float | None = None
    """When a sweep is to count what its client has stored as parts; None for never."""
    cursor: Cursor = field(default_factory=dict)
    etag: str | None = None
    """Of the finished object: a strong validator without its quotes."""
    digest_algorithm: str | None = None
    """Of the digest of all bytes, `sha256` or `sha512`; None if nobody wants to know it."""
    digest: str | None = None
    """In hex: what the client announced, and once done what was found."""
    created_at: float
    updated_at: float
    expires_at: float | None = None
    """When it may be removed: the unfinished after expire-after, the finished after retention."""
    revision: int = 0
    """Grows by one with each save; a save that names an older one is refused."""

    @property
    def alive(self) -> bool:
        return self.phase in ALIVE

    @property
    def done(self) -> bool:
        return self.phase is Phase.DONE

    @property
    def claim(self) -> int | None:
        """Bytes that it has declared while it is unfinished, those it has while its length is deferred; else None."""
        if self.phase not in UNFINISHED:
            return None
        return min(self.offset if self.length is None else self.length, LARGEST_CLAIM)

    @property
    def end(self) -> int | None:
        """The offset at which it is complete; None while that can't be said."""
        return None if self.waits else self.length

    @property
    def settled_length(self) -> int | None:
        """The length, as far as reaching it means being complete: for who takes the one for the other."""
        return None if self.waits and self.offset == self.length else self.length

    @property
    def full(self) -> bool:
        """Every byte is recorded, and no more are to come (the object need not exist yet)."""
        return self.offset == self.end

    @property
    def due_at(self) -> float | None:
        """When a sweep should look at it; None for never.

        What is awaited is looked for after pauses that grow fourfold, as it may never come: each look asks the storage.
        """
        if self.phase is Phase.FINISHING:
            return max(self.updated_at, self.troubled_at or 0.0) + RETRY_SECONDS
        if self.phase is Phase.TERMINATING:
            return max(self.updated_at + RETRY_SECONDS, self.settled_at)
        if self.awaited:
            return self._look_at
        if self.done and self.troubled_at is not None:
            return min(self.settled_at, math.inf if self.expires_at is None else self.expires_at)
        if self.phase is Phase.OPEN and self.count_at is not None:
            return min(self.count_at, math.inf if self.expires_at is None else self.expires_at)
        return self.expires_at

    @property
    def _look_at(self) -> float:
        """When what is awaited should be looked for next: for the last time once it expires, unless that fails."""
        if self.expired(self.updated_at):
            return self.updated_at + RETRY_SECONDS
        look = self.updated_at + max(RETRY_SECONDS, 3 * (self.updated_at - self.created_at))
        return look if self.expires_at is None else min(look, self.expires_at)

    @property
    def settled_at(self) -> float:
        """From then on nothing of it comes about in the storage by itself, even where it was removed before."""
        late = 0.0 if self.troubled_at is None else self.troubled_at + RETRY_SECONDS
        return max(late, self.signed_until or 0.0)

    @property
    def validator(self) -> str:
        """The ETag that readers are told. Never the id, which would let them end the upload: records of earlier
        versions have it there."""
        return self.fixed_etag if self.etag is None or self.etag == self.id else self.etag

    @property
    def fixed_etag(self) -> str:
        """For an object that is written once. It doesn't tell the id."""
        return hashlib.blake2b(self.id.encode(), digest_size=16).hexdigest()

    @property
    def awaited(self) -> bool:
        """Its object may be there already: only the storage knows."""
        return self.phase is Phase.OPEN and self.direct is Direct.WHOLE

    def expired(self, now: float) -> bool:
        """A finishing upload has all its bytes and is driven on rather than expired."""
        may_expire = self.phase is not Phase.FINISHING
        return may_expire and self.expires_at is not None and self.expires_at <= now

    def visible(self, now: float) -> bool:
        """Clients may still see it."""
        return self.alive and not self.expired(now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfinished:
    """All uploads that are open or finishing, as far as they are known."""

    count: int = 0
    claimed: int = 0
    """Bytes in all (`Upload.claim`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The finished object, as its storage made it."""

    cursor: Cursor
    etag: str
    troubled: bool = False
    """A write got no answer before it was repeated: it may yet take effect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """Every byte before `offset` is durable, and `cursor` with the entries added so far finds it."""

    offset: int
    cursor: Cursor
    added: tuple[Entry, ...] = ()
    finished: Finished | None = None
    """Set when the finished object came about with these bytes (a small upload's one PutObject)."""
    troubled: bool = False
    """A write got no answer before it was repeated: it may yet take effect."""


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes `start` up to, not including, `stop`."""

    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectPart:
    """A part that a client has stored past this server, as the storage or the client tells it."""

    number: int
    etag: str
    """Without quotes."""
    length: int = 0
    """In bytes; only the storage tells it."""

    def to_entry(self) -> Entry:
        return {"n": self.number, "len": self.length, "etag": self.etag}


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A request that whoever has it may send to the storage, until it expires, exactly so."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    """To be sent with a PUT."""
    fields: Mapping[str, str] = field(default_factory=dict)
    """Of a form to be POSTed, before its file; none for a PUT."""
