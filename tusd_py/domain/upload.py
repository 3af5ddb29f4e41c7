"""The record of one upload. Its methods do no I/O, and read no clock: times and ids are arguments."""

from __future__ import annotations

import enum
import hashlib
from dataclasses import dataclass, field
from typing import Self

from tusd_py.domain.account import SHARED, Account
from tusd_py.domain.answers import NO_ANSWER, Answer
from tusd_py.domain.checkpoint import Cursor
from tusd_py.domain.digest import WholeDigest
from tusd_py.domain.direct import DirectMode, DirectTransfer
from tusd_py.domain.metadata import Metadata
from tusd_py.domain.phase import ALIVE, UNFINISHED, Phase
from tusd_py.domain.principal import Allowance, Quota, tenant_of
from tusd_py.domain.scan import Scan
from tusd_py.domain.trace import Trace
from tusd_py.domain.upload_id import UploadId


class Kind(enum.StrEnum):
    """The role of an upload (tus 1.0, concatenation)."""

    REGULAR = "regular"
    PARTIAL = "partial"
    FINAL = "final"


LARGEST_CLAIM = 2**53
"""The most bytes that one upload claims. Clients may declare more, but not every state store can add up larger numbers.
"""

RETRY_SECONDS = 30.0
"""Seconds for which a sweep leaves a finishing, terminating or awaited upload alone after its last change. So long, a
request to the storage that got no answer may still take effect. After a hook or the scanner gave no answer,
`ASK_SECONDS` apply instead."""


ASK_SECONDS = 5.0
"""Seconds after which a sweep asks a hook or the scanner again, if there was no answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """The times of an upload that clients are told of, in seconds since the epoch (UTC)."""

    created_at: float
    updated_at: float
    expires_at: float | None = None
    """The time from which the upload may be removed, unless it is finishing then: the earlier one by
    `Limits.expire_after` and `max_age` if it is unfinished or a partial upload, the one by `retention` if it is another
    finished one; for an upload that is gone, the end of its record. None for never."""

    @classmethod
    def at_creation(cls, now: float) -> Self:
        """Return the times of an upload that is created now."""
        return cls(created_at=now, updated_at=now)


@dataclass(frozen=True, kw_only=True)
class Upload:
    """The record of one upload in the state store. The class has no slots, as `copy_with` can't copy one with slots."""

    id: UploadId
    kind: Kind = Kind.REGULAR
    phase: Phase = Phase.OPEN
    length: int | None
    """The upload's bytes in all; None while deferred."""
    explicit_completion: bool = False
    """True if the upload, even with all its bytes, isn't complete before a request says so (IETF resumable uploads)."""
    unresumable: bool = False
    """True if all bytes come with one form, PUT or plain POST, or from a job: if that is cut, nothing remains."""
    offset: int = 0
    """Bytes that are durable and recorded, counted from the start without a gap."""
    max_length: int | None = None
    """The most bytes of the upload by the credential that created it; None if that sets no limit."""
    types: tuple[str, ...] = ()
    """The media types that the credential that created the upload allows; empty if it allows any."""
    name: str | None = None
    """The name in the upload's URL in place of its id; None if it has none. No two uploads with records have the same.
    """
    place: str | None = None
    """The place of the upload's object that a hook chose: a key below the storage's prefix, or a path below its folder;
    None if the upload's name or the setting `object-key` makes the key."""
    bucket: str | None = None
    """The bucket that a hook chose for all objects of the upload; None for the storage's own."""
    key_prefix: str = ""
    """Text before the key of the upload's object, unless a hook chose the place (`place`) or the upload is partial. The
    credential that created the upload sets it."""
    owner: str | None = None
    """The subject of the credential that created the upload; None without one."""
    account: Account = SHARED
    trace: Trace | None = None
    """The trace that the request which created the upload belongs to; None without one."""
    metadata: Metadata = field(default_factory=dict)
    partials: tuple[UploadId, ...] = ()
    """The partial uploads that a final upload is made of, in order."""
    direct: DirectTransfer | None = None
    """The state of an upload whose bytes go straight to the storage; None if they come through this server."""
    troubled_at: float | None = None
    """The last time, in seconds since the epoch, at which a write failed or got no answer, or a lock holder died; None
    if that never happened, or the storage was cleaned since. The storage may hold, or may yet get, something that this
    record doesn't name: the server looks for it once the upload is finished or has ended."""
    cursor: Cursor = field(default_factory=dict)
    etag: str | None = None
    """The finished object's strong validator, without quotes; None before."""
    answer: Answer = NO_ANSWER
    """The answer of the hook that the server asked before the upload was done, for clients that repeat their last
    request."""
    asks_before_finish: bool = False
    """True if the server that created the upload asks a hook before the upload is done. Commands, which know no hooks,
    then leave the finish to servers."""
    asked_at: float | None = None
    """The last time, in seconds since the epoch, at which the scanner, or the hook asked before the finish, gave no
    answer; None if that never happened."""
    digest: WholeDigest | None = None
    """The digest of all bytes, whose value may still be unknown; None if no request announced or asked for one."""
    paused_until: float | None = None
    """The time, in seconds since the epoch, at which a client's pause of the upload ends; None without a pause."""
    scan: Scan | None = None
    """The scan of the upload's content; None if there was none so far, its pending verdict was withdrawn, or bytes were
    lost after it."""
    times: Times
    revision: int = 0
    """A number that grows by one with each save; a save of an older revision is refused."""

    @property
    def url_name(self) -> str:
        """The part of the upload's URL below the creation endpoint: its name, or else its id."""
        return self.name or self.id

    @property
    def tenant(self) -> str | None:
        """The tenant of the upload's owner; None without one."""
        return tenant_of(self.account.name)

    @property
    def allowance(self) -> Allowance:
        """The limits of the credential that created the upload, as far as the record has them."""
        quota_bytes = self.account.quota_bytes
        quota = None if quota_bytes is None else Quota(max_bytes=quota_bytes)
        return Allowance(max_length=self.max_length, types=self.types, key_prefix=self.key_prefix, quota=quota)

    @property
    def chosen_key(self) -> str | None:
        """The key of the upload's object if a hook or a credential chose it; None if the storage makes the key, and for
        partial uploads."""
        if self.kind is Kind.PARTIAL:
            return None
        return self.place or (None if self.name is None else self.key_prefix + self.name)

    @property
    def key_tells_id(self) -> bool:
        """True if the object's key alone tells that the object is this upload's: the upload is partial, or neither
        a hook nor a credential chose the key or a prefix of it.
        """
        return self.kind is Kind.PARTIAL or (self.chosen_key is None and not self.key_prefix)

    @property
    def claimed_key(self) -> str | None:
        """The chosen key, with `/bucket/` before it if a hook chose the bucket, too; None without a chosen key. No two
        uploads with records have the same. No key begins with a slash."""
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
        """Return True if the upload takes no bytes at `now`, since a client has paused it."""
        return self.phase is Phase.OPEN and self.paused_until is not None and self.paused_until > now

    @property
    def claim(self) -> int | None:
        """The bytes that an unfinished upload claims: its length, or its offset if the length is deferred, but
        at most LARGEST_CLAIM; None for other uploads.
        """
        if self.phase not in UNFINISHED:
            return None
        return min(self.offset if self.length is None else self.length, LARGEST_CLAIM)

    @property
    def end(self) -> int | None:
        """The offset at which the upload is complete; None while that is unknown."""
        return None if self.explicit_completion else self.length

    @property
    def settled_length(self) -> int | None:
        """The length as tus clients, and IETF clients of interop versions up to 6, are told it; None while the length
        is deferred, or reached although the upload isn't complete: these clients would take it for complete."""
        return None if self.explicit_completion and self.offset == self.length else self.length

    @property
    def full(self) -> bool:
        """True if every byte is recorded, and no more are to come. The object need not exist yet."""
        return self.offset == self.end

    @property
    def due_at(self) -> float | None:
        """The time at which a sweep should look at the upload; None for never.

        Each look for an awaited object asks the storage, and the client may never send the object: so the looks become
        rarer, each at about four times the upload's age at the look before.
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
        """The time at which a sweep tries again to finish the upload."""
        if self.asked_at is not None and self.asked_at >= (self.troubled_at or 0.0):
            return self.asked_at + ASK_SECONDS
        return max(self.times.updated_at, self.troubled_at or 0.0) + RETRY_SECONDS

    @property
    def _look_at(self) -> float:
        """The time at which a sweep looks for an awaited object next. The last look is at the upload's expiry; if that
        look fails, it is repeated after `RETRY_SECONDS`."""
        created_at, updated_at = self.times.created_at, self.times.updated_at
        if self.expired(updated_at):
            return updated_at + RETRY_SECONDS
        return self._or_expiry(updated_at + max(RETRY_SECONDS, 3 * (updated_at - created_at)))

    def _or_expiry(self, time: float) -> float:
        """Return the earlier one of `time` and the time at which the upload expires."""
        return time if self.times.expires_at is None else min(time, self.times.expires_at)

    @property
    def settled_at(self) -> float:
        """The time, in seconds since the epoch, from which the storage can't be changed any more by a presigned
        request or by an earlier request of the server that got no answer; 0 if there were no such requests."""
        late = 0.0 if self.troubled_at is None else self.troubled_at + RETRY_SECONDS
        presigned_until = None if self.direct is None else self.direct.presigned_until
        return max(late, presigned_until or 0.0)

    @property
    def validator(self) -> str:
        """The ETag that readers get, without quotes: the object's, but never the upload's id, with which a reader could
        terminate the upload. Records of earlier versions have the id as their ETag."""
        return self.fixed_etag if self.etag is None or self.etag == self.id else self.etag

    @property
    def fixed_etag(self) -> str:
        """An ETag for an object that is written once: a hash of the id, which doesn't reveal it."""
        return hashlib.blake2b(self.id.encode(), digest_size=16).hexdigest()

    @property
    def awaited(self) -> bool:
        """True if the client sends the object in one request straight to the storage: the object may exist already, and
        only the storage knows."""
        return self.phase is Phase.OPEN and self.direct is not None and self.direct.mode is DirectMode.WHOLE

    def expired(self, now: float) -> bool:
        """Return True if the upload has expired at `now`. A finishing upload has all its bytes, and never expires."""
        may_expire = self.phase is not Phase.FINISHING
        return may_expire and self.times.expires_at is not None and self.times.expires_at <= now

    def visible(self, now: float) -> bool:
        """Return True if clients may see the upload at `now`: it has neither ended nor expired."""
        return self.alive and not self.expired(now)
