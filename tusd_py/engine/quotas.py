"""The quotas of accounts: checked before a body is read, and again in the commit of each growth."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tusd_py.domain.account import Account
from tusd_py.domain.principal import Quota
from tusd_py.domain.upload import Upload
from tusd_py.domain.usage import over_bytes, with_reservation
from tusd_py.ports.state import StateStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotas:
    """The quotas of all accounts: `default`, from the settings (None for none), but with the numbers that an account's
    credential sets."""

    state: StateStore
    default: Quota | None = None

    def of(self, account: Account) -> Quota | None:
        """Return the quota of the account: the default one, but with the bytes that its credential sets
        (`Account.quota_bytes`), if any. None if it has no quota."""
        if account.quota_bytes is None:
            return self.default
        return replace(self.default or Quota(), max_bytes=account.quota_bytes)

    def for_creation(self, account: Account, own: Quota | None) -> Quota | None:
        """Return the quota for a creation: that of the account, but with the limit on unfinished uploads of `own`, the
        quota that the credential of the creation sets, if `own` has such a limit. None if neither sets any limit.
        """
        quota = self.of(account)
        if own is None or own.max_uploads is None:
            return quota
        return replace(quota or Quota(), max_uploads=own.max_uploads)

    async def check(self, account: Account, growth: int) -> None:
        """Raise OverQuota unless the account has room for `growth` bytes more. Also raises StateUnavailable."""
        quota = self.of(account)
        if growth > 0 and quota is not None and quota.max_bytes is not None:
            usage = await self.state.usage(account.name)
            if usage.total + growth > quota.max_bytes:
                raise over_bytes()

    async def fit(self, upload: Upload, reserved: int) -> Upload | None:
        """Return the upload with a smaller reservation, of as many bytes as its account has room for. `reserved` is the
        reservation in its stored record, in bytes.

        None if the upload's length is known, if no quota limits the bytes of its account, if no smaller reservation
        holds the bytes that the upload has, or if the account has room for all of the present one by now. Raises
        StateUnavailable.
        """
        quota = self.of(upload.account)
        if upload.length is not None or quota is None or quota.max_bytes is None:
            return None
        fitting = reserved + quota.max_bytes - (await self.state.usage(upload.account.name)).total
        return with_reservation(upload, fitting) if upload.offset <= fitting < upload.account.reserved else None
