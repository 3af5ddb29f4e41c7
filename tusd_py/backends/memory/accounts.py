"""The charges of uploads in memory, and the uses of grants."""

from __future__ import annotations

from collections.abc import Sequence

from tusd_py.domain.access_refusals import TokenUsedUp
from tusd_py.domain.principal import Grant, Quota
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.domain.usage import NO_CHARGE, Charge, Usage, charge_of, check_growth


class MemoryAccounts:
    """The charge of each upload and its account, and the uses of grants. The account is None for a partial upload whose
    charge a final one has taken over."""

    def __init__(self) -> None:
        self._charges: dict[UploadId, tuple[str | None, Charge]] = {}
        self._grants = dict[str, tuple[float, int]]()
        """The time from which on the uses of each grant may be forgotten, and their number, by the token's id."""

    def create(self, upload: Upload, quota: Quota | None, grant: Grant | None) -> None:
        """Charge the upload, charge its partial uploads to no account, and count a use of `grant`. Raises TokenUsedUp,
        OverQuota."""
        self._grants = {jti: uses for jti, uses in self._grants.items() if uses[0] >= upload.times.created_at}
        if grant is not None and self._uses(grant) >= grant.max_uses:
            raise TokenUsedUp
        partials = set(upload.partials) & self._charges.keys()
        sources = [self._charges[partial] for partial in partials]
        freed = sum(charge.total for account, charge in sources if account == upload.account.name)
        self._check(upload, Charge(freed), quota)
        if grant is not None:
            self._grants[grant.jti] = (grant.forgotten_at, self._uses(grant) + 1)
        self._charges |= dict.fromkeys(partials, (None, NO_CHARGE))
        self._charges[upload.id] = (upload.account.name, charge_of(upload))

    def save(self, upload: Upload, quota: Quota | None = None, refund: Grant | None = None) -> None:
        """Charge the upload as it is now, unless a final upload has taken over its charge, and take back a use of
        `refund`. Raises OverQuota."""
        account, before = self._charges[upload.id]
        if account is not None:
            self._check(upload, before, quota)
            self._charges[upload.id] = (account, charge_of(upload))
        if refund is not None:
            self._grants[refund.jti] = (refund.forgotten_at, max(self._uses(refund) - 1, 0))

    def delete(self, upload_id: UploadId) -> None:
        """Remove the charge of the upload, if it has one."""
        self._charges.pop(upload_id, None)

    def usage(self, account: str) -> Usage:
        charges = [charge for charged, charge in self._charges.values() if charged == account]
        return Usage(
            account=account,
            stored=sum(charge.stored for charge in charges),
            reserved=sum(charge.reserved or 0 for charge in charges),
            uploads=sum(charge.reserved is not None for charge in charges),
        )

    def usages(self, after: str | None, limit: int) -> Sequence[Usage]:
        accounts = {
            account for account, charge in self._charges.values() if account is not None and charge != NO_CHARGE
        }
        return [self.usage(account) for account in sorted(accounts) if after is None or account > after][:limit]

    def _uses(self, grant: Grant) -> int:
        return self._grants.get(grant.jti, (0.0, 0))[1]

    def _check(self, upload: Upload, before: Charge, quota: Quota | None) -> None:
        if quota is not None:
            check_growth(self.usage(upload.account.name), before, charge_of(upload), quota)
