"""The charges of uploads and the uses of grants in the SQLite file."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from tusd_py.backends.sqlite.charge_schema import RECOUNT
from tusd_py.domain.access_refusals import TokenUsedUp
from tusd_py.domain.principal import Grant, Quota
from tusd_py.domain.upload import Upload
from tusd_py.domain.usage import Charge, Usage, charge_of, check_growth

_PAGE = 1000
"""The most uploads that are recounted in one transaction: other processes wait for its end."""
_NEXT = "SELECT max(id) FROM (SELECT id FROM uploads WHERE id > ? ORDER BY id LIMIT ?)"
_USAGE = "SELECT account, stored, reserved, uploads FROM usage WHERE account = ?"
_USAGES = "SELECT account, stored, reserved, uploads FROM usage WHERE account > ? ORDER BY account LIMIT ?"
_CHARGE = "SELECT stored, reserved FROM uploads WHERE id = ? AND revision = ? AND account <> ''"
_FREED = "SELECT coalesce(sum(stored + coalesce(reserved, 0)), 0) FROM uploads WHERE id = ? AND account = ?"
_TAKE_OVER = "UPDATE uploads SET account = '' WHERE id = ?"
_FORGET = "DELETE FROM grants WHERE expires_at < ?"
_USE = """
    INSERT INTO grants (jti, uses, expires_at) VALUES (?, 1, ?)
    ON CONFLICT (jti) DO UPDATE SET uses = uses + 1 WHERE uses < ?
"""
_REFUND = "UPDATE grants SET uses = uses - 1 WHERE jti = ? AND uses > 0"


def read_usage(account: str, connection: sqlite3.Connection) -> Usage:
    """Return the usage of one account."""
    row = connection.execute(_USAGE, (account,)).fetchone()
    return _usage(row) if row else Usage(account=account)


def read_usages(after: str | None, limit: int, connection: sqlite3.Connection) -> Sequence[Usage]:
    """Return up to `limit` usages of accounts greater than `after` (None: from the first), by account."""
    return [_usage(row) for row in connection.execute(_USAGES, (after or "", limit))]


def read_before(upload: Upload, connection: sqlite3.Connection) -> tuple[Usage, Charge]:
    """Return the usage of a new upload's account, and the charge in this account that the upload takes over from its
    partial uploads."""
    account, partials = upload.account.name, set(upload.partials)
    sources = [connection.execute(_FREED, (partial, account)).fetchone() for partial in partials]
    return read_usage(account, connection), Charge(sum(total for (total,) in sources))


def check_saved(upload: Upload, quota: Quota, connection: sqlite3.Connection) -> None:
    """Raise OverQuota if the save of `upload`, which has its new revision already, would make the account's usage grow
    past the quota. Do nothing for a partial upload whose charge a final upload has taken over; nor if the stored
    revision isn't the one before, as the save that follows raises Superseded then."""
    row = connection.execute(_CHARGE, (upload.id, upload.revision - 1)).fetchone()
    if row is not None:
        check_growth(read_usage(upload.account.name, connection), Charge(*row), charge_of(upload), quota)


def take_over(upload: Upload, connection: sqlite3.Connection) -> None:
    """Charge the partial uploads of a new final upload to no account: the final upload's account pays for their
    bytes."""
    connection.executemany(_TAKE_OVER, [(partial,) for partial in upload.partials])


def use(grant: Grant, now: float, connection: sqlite3.Connection) -> None:
    """Count a use of the grant; before that, delete the counts of all grants whose `forgotten_at` is before `now`.
    Raises TokenUsedUp if the grant has no use left.
    """
    connection.execute(_FORGET, (now,))
    if connection.execute(_USE, (grant.jti, grant.forgotten_at, grant.max_uses)).rowcount == 0:
        raise TokenUsedUp


def give_back(grant: Grant, connection: sqlite3.Connection) -> None:
    """Take back a use of the grant, if one is counted."""
    connection.execute(_REFUND, (grant.jti,))


def recount_page(after: str, connection: sqlite3.Connection) -> tuple[str | None, int]:
    """Correct the charges and claims of the next uploads, at most 1000, whose ids are greater than `after`, by their
    records. Returns the last of these ids, None if there are no such uploads, and the number of uploads that were
    counted wrongly."""
    (last,) = connection.execute(_NEXT, (after, _PAGE)).fetchone()
    if last is None:
        return None, 0
    return last, connection.execute(RECOUNT, (after, last)).rowcount


def _usage(row: tuple[str, int, int, int]) -> Usage:
    account, stored, reserved, uploads = row
    return Usage(account=account, stored=int(stored), reserved=int(reserved), uploads=uploads)
