"""The record of one upload, without I/O, clocks or randomness: times and ids come in as arguments."""

from __future__ import annotations

import enum
import hashlib
from dataclasses import dataclass, field
from typing import Self

from tusd_py.domain.account import SHARED, Account, tenant_of
from tusd_py.domain.answers import NO_ANSWER, Answer
from tusd_py.domain.checkpoint import Cursor
from tusd_py.domain.digest import WholeDigest
from tusd_py.domain.direct import DirectMode, DirectTransfer
from tusd_py.domain.metadata import Metadata
from tusd_py.domain.phase import ALIVE, UNFINISHED, Phase
from tusd_py.domain.scan import Scan
from tusd_py.domain.trace import Trace
from tusd_py.domain.upload_id import UploadId


class Kind(enum.StrEnum):
    """The role of an upload (tus 1.0, concatenation)."""

    REGULAR = "regular"
    PARTIAL = "partial"
    FINAL = "final"


LARGEST_CLAIM = 2**53
"""Bytes that one upload claims at most. Clients may declare more, but not every state store could add that up."""

RETRY_SECONDS = 30.0
"""Seconds that a sweep leaves an upload alone that is finishing, terminating or awaited, and within which a request to
the storage that got no answer may still take effect."""


ASK_SECONDS = 5.0
"""Seconds after which a sweep asks a hook again that gave no answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """The times that clients are told of, in seconds since the epoch (UTC)."""

    created_at: float
    updated_at: float
    expires_at: float | None = None
    """The time from which it may be removed: by expire-after or max-age if unfinished, by retention if finished."""

    @classmethod
    def at_creation(cls, now: float) -> Self:
        """Return the times of an upload that is created now."""
        return cls(created_at=now, updated_at=now)


@dataclass(frozen=True, kw_only=True)
class Upload:
    """The record of one upload in the state store. It has no slots: `copy_with` copies it."""

    id: UploadId
    kind: Kind = Kind.REGULAR
    phase: Phase = Phase.OPEN
    length: int | None
    """Bytes in all; None while deferred."""
    explicit_completion: bool = False
    """True if even with all its bytes it isn't complete before a request says so (IETF resumable uploads)."""
    offset: int = 0
    """Bytes that are durable and recorded, counted from the start without a gap."""
    max_length: int | None = None
    """The most bytes that the credential allows with which it was created; None if it sets no limit."""
    name: str | None = None
    """The name in its URL instead of its id; None if it has none. No other upload has it while this one is remembered.
    """
    place: str | None = None
    """The key of its object below the storage's prefix, or the path of its file below the storage's folder, that a hook
    chose; None if its name or the setting `object-key` makes it."""
    bucket: str | None = None
    """The bucket that a hook chose for all that is stored of it; None for the storage's own."""
    key_prefix: str = ""
    """Text before the key of its object, unless a hook chose that; by the credential with which it was created."""
    owner: str | None = None
    """The subject of the credential with which it was created; None if there was none."""
    account: Account = SHARED
    trace: Trace | None = None
    """The trace that its creation belongs to; None if there was none."""
    metadata: Metadata = field(default_factory=dict)
    partials: tuple[UploadId, ...] = ()
    """The partial uploads that a final one is made of, in order."""
    direct: DirectTransfer | None = None
    """None if the bytes come through this server."""
    troubled_at: float | None = None
    """The last time, in seconds since the epoch, at which a write failed or got no answer, or a lock holder died; None
    if that never happened. The storage may hold, or may yet get, something that this record doesn't name: it is looked
    for at the upload's end."""
    cursor: Cursor = field(default_factory=dict)
    etag: str | None = None
    """The finished object's strong validator, without its quotes."""
    answer: Answer = NO_ANSWER
    """The answer of the hook that was asked before it was done, for clients that repeat their last request."""
    asks_before_finish: bool = False
    """True if the server that created it asks a hook before it is done: a process without hooks leaves that to servers.
    """
    asked_at: float | None = None
    """The last time, in seconds since the epoch, at which that hook gave no answer; None if that never happened."""
    digest: WholeDigest | None = None
    """None if no request asked for one."""
    paused_until: float | None = None
    """The time, in seconds since the epoch, up to which a client has paused it; None if it isn't paused."""
    scan: Scan | None = None
    """None if no scan of its content was asked for."""
    times: Times
    revision: int = 0
    """A number that grows by one with each save; a save of an older revision is refused."""

    @property
    def url_name(self) -> str:
        """The last part of its URL."""
        return self.name or self.id

    @property
    def tenant(self) -> str | None:
        """The tenant of its owner; None if it has none."""
        return tenant_of(self.account.name, self.owner)

    @property
    def chosen_key(self) -> str | None:
        """The key of its object if a hook or a credential chose it; None if the storage makes the key from the id."""
        if self.kind is Kind.PARTIAL:
            return None
        return self.place or (None if self.name is None else self.key_prefix + self.name)

    @property
    def key_tells_id(self) -> bool:
        """True if its object's key alone tells that the object is this upload's: no hook or credential added to it."""
        return self.kind is Kind.PARTIAL or (self.chosen_key is None and not self.key_prefix)

    @property
    def claimed_key(self) -> str | None:
        """The chosen key, after `/bucket/` if a hook chose that too: no other upload has it while this one is
        remembered. No key begins with a slash."""
        if self.bucket is None or self.chosen_key is None:
            return self.chosen_key
        return f"/{self.bucket}/{self.chosen_key}"

    @property
    def alive(self) -> bool:
        return self.phase in ALIVE

    @property
    def done(self) -> bool:
        return self.phase is Phase.DONE

    def paused(self, now: float) -> bool:
        """Return True if it takes no bytes for now, since a client has paused it."""
        return self.phase is Phase.OPEN and self.paused_until is not None and self.paused_until > now

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
            return self._finish_at
        if self.phase is Phase.TERMINATING:
            return max(self.times.updated_at + RETRY_SECONDS, self.settled_at)
        if self.awaited:
            return self._look_at
        if self.done and self.troubled_at is not None:
            return self._or_expiry(self.settled_at)
        if self.phase is Phase.OPEN and self.direct is not None and self.direct.parts_check_at is not None:
            return self._or_expiry(self.direct.parts_check_at)
        return self.times.expires_at

    @property
    def _finish_at(self) -> float:
        """The time at which a sweep tries again to finish it."""
        if self.asked_at is not None:
            return self.asked_at + ASK_SECONDS
        return max(self.times.updated_at, self.troubled_at or 0.0) + RETRY_SECONDS

    @property
    def _look_at(self) -> float:
        """The time of the next look for an awaited object. The last look is at its expiry, unless that look fails."""
        created_at, updated_at = self.times.created_at, self.times.updated_at
        if self.expired(updated_at):
            return updated_at + RETRY_SECONDS
        return self._or_expiry(updated_at + max(RETRY_SECONDS, 3 * (updated_at - created_at)))

    def _or_expiry(self, time: float) -> float:
        """Return the time at which it expires, if that comes before `time`."""
        return time if self.times.expires_at is None else min(time, self.times.expires_at)

    @property
    def settled_at(self) -> float:
        """The time from which no earlier or presigned request can create anything of it in the storage any more."""
        late = 0.0 if self.troubled_at is None else self.troubled_at + RETRY_SECONDS
        presigned_until = None if self.direct is None else self.direct.presigned_until
        return max(late, presigned_until or 0.0)

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
        return self.phase is Phase.OPEN and self.direct is not None and self.direct.mode is DirectMode.WHOLE

    def expired(self, now: float) -> bool:
        """Return True if it has expired. A finishing upload has all its bytes: it is finished, and never expires."""
        may_expire = self.phase is not Phase.FINISHING
        return may_expire and self.times.expires_at is not None and self.times.expires_at <= now

    def visible(self, now: float) -> bool:
        """Return True if clients may see it."""
        return self.alive and not self.expired(now)
