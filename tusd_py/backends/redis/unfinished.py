"""The count of unfinished uploads in Redis and the sum of their claims, kept by the scripts that change an upload."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

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
-- KEYS: unfinished, claimed. ARGV: prefix of the uploads' keys; then for each upload: id, revision ('' for none), claim
for i = 2, #ARGV, 3 do
  local revision = redis.call('HGET', ARGV[1] .. ARGV[i], 'revision') or ''
  if revision == ARGV[i + 1] then claim(KEYS[1], KEYS[2], ARGV[i], ARGV[i + 2]) end
end
"""

_PAGE = 100


def claim_of(upload: Upload) -> str:
    """Return the claim as an argument of the scripts: '' for none."""
    return "" if upload.claim is None else str(upload.claim)


class Recount:
    """A recount of unfinished uploads, once per process: nodes of earlier versions change uploads without counting.

    It first counts all records, then drops the claims of uploads that have no record any more.
    """

    def __init__(
        self,
        redis: Any,
        listing: Callable[[UploadId | None, int], Awaitable[Sequence[Upload]]],
        keys: Keys,
    ) -> None:
        """Take `StateStore.list` as `listing`."""
        self._redis, self._listing, self._keys = redis, listing, keys
        self._script = redis.register_script(_RECOUNT)
        self._after: UploadId | None = None
        self._cursor: int | None = None
        self._finished = False

    async def proceed(self) -> None:
        """Recount one more page. Raises RedisError, StateUnavailable."""
        if self._finished:
            return
        if self._cursor is None:
            await self._count_records()
        else:
            await self._drop_stale_claims(self._cursor)

    async def _count_records(self) -> None:
        page = await self._listing(self._after, _PAGE)
        await self._count([(upload.id, str(upload.revision), claim_of(upload)) for upload in page])
        if len(page) == _PAGE:
            self._after = page[-1].id
        else:
            self._cursor = 0

    async def _drop_stale_claims(self, cursor: int) -> None:
        self._cursor, counted = await self._redis.zscan(self._keys.unfinished, cursor, count=_PAGE)
        await self._count([(upload_id, "", "") for upload_id, _ in counted])
        self._finished = self._cursor == 0

    async def _count(self, claims: Sequence[tuple[str, str, str]]) -> None:
        if claims:
            arguments = [argument for claim in claims for argument in claim]
            await self._script(keys=[self._keys.unfinished, self._keys.claimed], args=[self._keys.upload, *arguments])
