"""The usage of accounts: what each upload is charged for, as its record says. Pure, like the rules.

A state store keeps the sum of an account's charges, and changes it in the commit of each record.
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
    """None unless it is unfinished."""

    @property
    def total(self) -> int:
        return self.stored + (self.reserved or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """The sum of an account's charges."""

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
    """Return the charge for an upload. An unfinished one is charged for its length, or for what it has reserved."""
    claim = upload.claim
    if claim is not None:
        return Charge(0, max(claim, min(upload.account.reserved, LARGEST_CLAIM)))
    return Charge(min(upload.offset, LARGEST_CLAIM)) if upload.done else NO_CHARGE


def reserve(upload: Upload, block: int, limit: int | None) -> Upload:
    """Return the upload with its reservation: whole blocks of bytes while its length is deferred, else none.

    It reserves no more than its greatest length, `limit` (None for no limit), unless it has more bytes.
    """
    reserved = 0
    if upload.length is None and upload.phase in UNFINISHED:
        blocks = block * -(-upload.offset // block)
        reserved = max(upload.account.reserved, upload.offset, blocks if limit is None else min(blocks, limit))
    return upload if reserved == upload.account.reserved else with_reservation(upload, reserved)


def with_reservation(upload: Upload, reserved: int) -> Upload:
    """Return the upload with so many bytes reserved."""
    return copy_with(upload, account=replace(upload.account, reserved=reserved))


def unreserved(upload: Upload, growth: int) -> int:
    """Return the bytes of a growth beyond what the upload has reserved; 0 or less if it has enough."""
    return upload.offset + growth - max(upload.offset, upload.account.reserved)


def check_growth(usage: Usage, before: Charge, after: Charge, quota: Quota) -> None:
    """Raise OverQuota if the account's usage would grow past the quota by that change of one of its charges."""
    growth = after.total - before.total
    if quota.max_bytes is not None and growth > 0 and usage.total + growth > quota.max_bytes:
        raise over_bytes()
    begins = before.reserved is None and after.reserved is not None
    if quota.max_uploads is not None and begins and usage.uploads >= quota.max_uploads:
        raise over_uploads()


def over_bytes() -> OverQuota:
    """Return the refusal of bytes past a quota."""
    return OverQuota("the account has no room for so many bytes: delete some uploads")


def over_uploads() -> OverQuota:
    """Return the refusal of an unfinished upload past a quota."""
    return OverQuota("the account has too many unfinished uploads: finish or delete some")


NO_CHARGE = Charge()
