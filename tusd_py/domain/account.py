"""The account that an upload is charged to."""

from __future__ import annotations

from dataclasses import dataclass

from tusd_py.domain.principal import NO_ACCOUNT


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The account of an upload, and what the upload may have there."""

    name: str = NO_ACCOUNT
    quota_bytes: int | None = None
    """Bytes that the account may have by the credential that created the upload; None for the settings' quota."""
    reserved: int = 0
    """Bytes that are kept free for the upload while its length is deferred, those that it has included."""


SHARED = Account()
"""The account of all that has no owner."""


def tenant_of(account: str | None, owner: str | None) -> str | None:
    """Return the tenant that an account's name has before its owner (`domain.principal.account_name`), or None."""
    tenant, slash, _ = (account or "").rpartition(f"/{owner}")
    return tenant if slash else None
