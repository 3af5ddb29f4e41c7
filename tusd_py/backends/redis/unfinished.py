"""The count of unfinished uploads in Redis and the sum of their claims, kept by the scripts that change an upload, and
the recount of the claims and charges, which also gives the next event number to each upload that a node of an earlier
version has saved without one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from tusd_py.backends.redis.charging import CHARGE, charge_text
from tusd_py.backends.redis.numbers import NUMBER
from tusd_py.backends.redis.schema import Keys
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId

CLAIM = """
-- `claimed` is always the sum of the scores in `unfinished`. A claim is '' for none.
local function claim(unfinished, claimed, id, now)
  local before = redis.call('ZSCORE', unfinished, id)
  if tonumber(before or '') == tonumber(now) then return end
  if now == '' then redis.call('ZREM', unfinished, id) else redis.call('ZADD', unfinished, now, id) end
  redis.call('INCRBYFLOAT', claimed, string.format('%.0f', (tonumber(now) or 0) - (tonumber(before or '') or 0)))
end
"""

_RECOUNT = f"""
{CLAIM}
{CHARGE}
{NUMBER}
-- KEYS: unfinished, claimed. ARGV: prefix; then for each upload: id, revision ('' for none), claim, charge
local changed = 0
for i = 2, #ARGV, 4 do
  local stored = redis.call('HMGET', ARGV[1] .. 'upload:' .. ARGV[i], 'revision', 'seq')
  if (stored[1] or '') == ARGV[i + 1] then
    if not stored[1] then redis.call('ZREM', ARGV[1] .. 'seqs', ARGV[i]) end
    if stored[1] and not stored[2] then number_anew(ARGV[1], ARGV[i]) end
    claim(KEYS[1], KEYS[2], ARGV[i], ARGV[i + 2])
    changed = changed + charge(ARGV[1], ARGV[i], ARGV[i + 3])
  end
end
return changed
"""

_PAGE = 100


def claim_of(upload: Upload) -> str:
    """Return the claim of the upload as an argument of the scripts: bytes, or '' for none."""
    return "" if upload.claim is None else str(upload.claim)


class Recount:
    """One recount of the claims and charges of all uploads: nodes of earlier versions change uploads without counting.

    It first counts all records, then drops what is counted of uploads that have no record any more.
    """

    def __init__(
        self,
        redis: Any,
        listing: Callable[[UploadId | None, int], Awaitable[Sequence[Upload]]],
        keys: Keys,
    ) -> None:
        """`listing(after, limit)` returns up to `limit` uploads with ids greater than `after`, by id (None: from the
        first)."""
        self._redis, self._listing, self._keys = redis, listing, keys
        self._script = redis.register_script(_RECOUNT)
        self._after: UploadId | None = None
        self._listed = False
        self._cursor = 0
        self._scans = [(redis.zscan, keys.unfinished), (redis.hscan, keys.charges), (redis.zscan, keys.seqs)]
        """The scan command and key of each collection that remains to be searched for uploads without a record."""
        self._turn = asyncio.Lock()
        self.changed = 0
        """The number of uploads found so far that were charged wrongly."""

    @property
    def finished(self) -> bool:
        return not self._scans

    async def proceed(self) -> None:
        """Recount one more page, unless the recount is finished or another call is recounting a page. Raises
        RedisError, StateUnavailable.
        """
        if self._turn.locked():
            return
        async with self._turn:
            if not self._listed:
                await self._count_records()
            elif self._scans:
                await self._drop_stale(*self._scans[0])

    async def _count_records(self) -> None:
        page = await self._listing(self._after, _PAGE)
        await self._count([_row(upload) for upload in page])
        self._listed = len(page) < _PAGE
        self._after = None if self._listed else page[-1].id

    async def _drop_stale(self, scan: Callable[..., Awaitable[tuple[int, Any]]], key: str) -> None:
        cursor, page = await scan(key, self._cursor, count=_PAGE)
        await self._count([(upload_id, "", "", "") for upload_id in dict(page)])
        self._cursor = cursor
        if cursor == 0:
            del self._scans[0]

    async def _count(self, rows: Sequence[tuple[str, str, str, str]]) -> None:
        if rows:
            keys = [self._keys.unfinished, self._keys.claimed]
            words = [word for row in rows for word in row]
            self.changed += await self._script(keys=keys, args=[self._keys.prefix, *words])


def _row(upload: Upload) -> tuple[str, str, str, str]:
    return upload.id, str(upload.revision), claim_of(upload), charge_text(upload)
