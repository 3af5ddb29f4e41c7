"""The account that an upload is charged to."""

from __future__ import annotations

from dataclasses import dataclass

from tusd_py.domain.principal import NO_ACCOUNT


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The account that an upload is charged to, the account's quota, and the bytes that it reserves for the upload."""

    name: str = NO_ACCOUNT
    quota_bytes: int | None = None
    """The most bytes that the account may have, as the credential that created the upload sets it; None for the quota
    of the settings."""
    reserved: int = 0
    """Bytes that the account's quota keeps for the upload while its length is deferred, including the bytes that the
    upload has already."""


SHARED = Account()
"""The account of uploads without an owner, if their credential sets no quota and nothing is reserved."""
