"""The numbers of events in Redis, and that of each upload's last event.

An upload's hash has its number, and a sorted set has all uploads by number. The nodes of earlier versions number
nothing: a record that they have saved has lost the number in its hash, and one that they have created was never in the
set. Such a record gets the next number when a newer node saves it, recounts, or reads it with its number
(`RedisNumbers.numbered`). One that was never in the set also gets a number when a newer node lists uploads by number
(`RedisNumbers.changed`) and finds more uploads than numbers.
"""

from __future__ import annotations

from collections.abc import Sequence

from tusd_py.backends.redis.scripts import Scripts
from tusd_py.domain.record_json import decode
from tusd_py.domain.upload_id import UploadId
from tusd_py.ports.state import Numbered

NUMBER = """
-- Takes the next number for no event that is stored
local function take(prefix)
  local seq = redis.call('INCR', prefix .. 'event-seq')
  if tonumber(redis.call('GET', prefix .. 'event-listed') or '0') == seq - 1 then
    redis.call('SET', prefix .. 'event-listed', seq) -- so that CATCH_UP needn't look for an event
  end
  return seq
end

local function number(prefix, id, seq)
  redis.call('HSET', prefix .. 'upload:' .. id, 'seq', seq)
  redis.call('ZADD', prefix .. 'seqs', seq, id)
end

-- Numbers an upload that a node of an earlier version has saved. Begins with a removal, so that it may write when
-- memory is full
local function number_anew(prefix, id)
  redis.call('ZREM', prefix .. 'seqs', id)
  number(prefix, id, take(prefix))
end
"""

_NUMBERED = f"""
{NUMBER}
-- ARGV: prefix, id. Returns document and number, or false
local key = ARGV[1] .. 'upload:' .. ARGV[2]
if redis.call('EXISTS', key) == 0 then return false end
if redis.call('HEXISTS', key, 'seq') == 0 then number_anew(ARGV[1], ARGV[2]) end
return redis.call('HMGET', key, 'document', 'seq')
"""

_CHANGED = """
-- ARGV: prefix, number to begin after, limit, '1' to return false if uploads are without a number
local seqs, found, low, limit = ARGV[1] .. 'seqs', {}, '(' .. ARGV[2], tonumber(ARGV[3])
if ARGV[4] == '1' and redis.call('ZCARD', ARGV[1] .. 'ids') > redis.call('ZCARD', seqs) then return false end
while #found < limit do
  local page = redis.call('ZRANGEBYSCORE', seqs, low, '+inf', 'WITHSCORES', 'LIMIT', 0, limit - #found)
  if #page == 0 then break end
  for i = 1, #page, 2 do
    local document = redis.call('HGET', ARGV[1] .. 'upload:' .. page[i], 'document')
    if document then table.insert(found, {document, page[i + 1]}) else redis.call('ZREM', seqs, page[i]) end
  end
  low = '(' .. page[#page]
end
return found
"""

_NUMBER_PAGE = f"""
{NUMBER}
-- ARGV: prefix, lower bound, limit. Returns the last of the ids that it looked at, false at the end
local ids = redis.call('ZRANGEBYLEX', ARGV[1] .. 'ids', ARGV[2], '+', 'LIMIT', 0, ARGV[3])
for _, id in ipairs(ids) do
  if not redis.call('ZSCORE', ARGV[1] .. 'seqs', id) then number_anew(ARGV[1], id) end
end
return #ids == tonumber(ARGV[3]) and ids[#ids]
"""

_PAGE = 1000
"""The most ids that one run of the script that numbers uploads without a number (`_NUMBER_PAGE`) looks at: other
clients of Redis wait until a script ends."""


class RedisNumbers:
    """A reader of uploads with the numbers of their last events. `numbered` first numbers its upload if a node of an
    earlier version has created or saved it without a number. `changed`, if there are more uploads than numbers, first
    numbers those that such nodes have created; it lists those that they have saved by their old numbers."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    async def numbered(self, upload_id: UploadId) -> Numbered | None:
        row = await self._scripts.run(_NUMBERED, upload_id)
        return None if row is None else _numbered(row)

    async def changed(self, since: int, limit: int) -> Sequence[Numbered]:
        rows = await self._scripts.run(_CHANGED, since, limit, 1)
        if rows is None:
            await self._number_all()
            rows = await self._scripts.run(_CHANGED, since, limit, 0)
        return [_numbered(row) for row in rows]

    async def _number_all(self) -> None:
        """Number the uploads that nodes of earlier versions have created without a number."""
        last = await self._scripts.run(_NUMBER_PAGE, "-", _PAGE)
        while last is not None:
            last = await self._scripts.run(_NUMBER_PAGE, f"({last}", _PAGE)


def _numbered(row: Sequence[str]) -> Numbered:
    document, seq = row
    return Numbered(upload=decode(document), seq=int(seq))
