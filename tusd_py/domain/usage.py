"""The usage of accounts: the charge of each upload, which follows from its record. No function does I/O or reads a
clock.

A state store keeps the sum of an account's charges, and changes that sum in the transaction that saves a record.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from tusd_py.domain.access_refusals import OverQuota
from tusd_py.domain.copying import copy_with
from tusd_py.domain.phase import UNFINISHED
from tusd_py.domain.principal import Quota
from tusd_py.domain.upload import LARGEST_CLAIM, Upload


class Charge(NamedTuple):
    """The bytes that one upload is charged for."""

    stored: int = 0
    reserved: int | None = None
    """Bytes that an unfinished upload has or may still get; None for any other upload."""

    @property
    def total(self) -> int:
        return self.stored + (self.reserved or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """The sum of an account's charges, and the number of its unfinished uploads."""

    account: str
    stored: int = 0
    """Bytes of finished uploads."""
    reserved: int = 0
    """Bytes that unfinished uploads have or may still get."""
    uploads: int = 0
    """The number of unfinished uploads."""

    @property
    def total(self) -> int:
        """Bytes stored and reserved."""
        return self.stored + self.reserved


def charge_of(upload: Upload) -> Charge:
    """Return the charge for an upload: when done, its bytes; when unfinished, its length, or its reservation (at
    least its offset) while the length is deferred; once it has ended, nothing. It is at most `LARGEST_CLAIM` bytes."""
    claim = upload.claim
    if claim is not None:
        return Charge(0, max(claim, min(upload.account.reserved, LARGEST_CLAIM)))
    return Charge(min(upload.offset, LARGEST_CLAIM)) if upload.done else NO_CHARGE


def reserve(upload: Upload, block: int, limit: int | None) -> Upload:
    """Return the upload with its reservation: its offset, rounded up to blocks of `block` bytes, while it is unfinished
    and its length is deferred; else none.

    The reservation is at most `limit` (None for no limit), the upload's greatest length, but never less than its offset
    or an earlier reservation.
    """
    if not _reserves(upload):
        return drop_reservation(upload)
    blocks = block * -(-upload.offset // block)
    reserved = max(upload.account.reserved, upload.offset, blocks if limit is None else min(blocks, limit))
    return upload if reserved == upload.account.reserved else with_reservation(upload, reserved)


def drop_reservation(upload: Upload) -> Upload:
    """Return the upload without its reservation; unchanged while it needs one, that is, while it is unfinished and its
    length is deferred."""
    return upload if not upload.account.reserved or _reserves(upload) else with_reservation(upload, 0)


def _reserves(upload: Upload) -> bool:
    return upload.length is None and upload.phase in UNFINISHED


def with_reservation(upload: Upload, reserved: int) -> Upload:
    """Return the upload with a reservation of `reserved` bytes."""
    return copy_with(upload, account=replace(upload.account, reserved=reserved))


def unreserved(upload: Upload, growth: int) -> int:
    """Return how many bytes of a `growth` of the upload aren't covered by its reservation; 0 or less if all are."""
    return upload.offset + growth - max(upload.offset, upload.account.reserved)


def check_growth(usage: Usage, before: Charge, after: Charge, quota: Quota) -> None:
    """Raise OverQuota if the account's usage would grow past the quota as one of its charges changes from `before` to
    `after`."""
    growth = after.total - before.total
    if quota.max_bytes is not None and growth > 0 and usage.total + growth > quota.max_bytes:
        raise over_bytes()
    begins = before.reserved is None and after.reserved is not None
    if quota.max_uploads is not None and begins and usage.uploads >= quota.max_uploads:
        raise over_uploads()


def over_bytes() -> OverQuota:
    """Return the refusal for bytes past a quota."""
    return OverQuota("the account has no room for so many bytes: delete some uploads")


def over_uploads() -> OverQuota:
    """Return the refusal for a new unfinished upload of an account that has as many as its quota allows."""
    return OverQuota("the account has too many unfinished uploads: finish or delete some")


NO_CHARGE = Charge()
