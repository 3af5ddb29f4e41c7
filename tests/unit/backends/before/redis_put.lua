-- `claimed` is always the sum of the scores in `unfinished`. A claim is '' for none.
local function claim(unfinished, claimed, id, now)
  local before = redis.call('ZSCORE', unfinished, id)
  if tonumber(before or '') == tonumber(now) then return end
  if now == '' then redis.call('ZREM', unfinished, id) else redis.call('ZADD', unfinished, now, id) end
  redis.call('INCRBYFLOAT', claimed, string.format('%.0f', (tonumber(now) or 0) - (tonumber(before or '') or 0)))
end

-- KEYS: upload, entries, ids, due, unfinished, claimed
-- ARGV: id, revision expected ('' for none), new revision, nonce, document, due ('' for never), claim ('' for none),
--       '1' if entries take the place of those there are, entries...
local stored = redis.call('HMGET', KEYS[1], 'revision', 'nonce')
if stored[2] == ARGV[4] then return 1 end -- this very call, repeated because its answer was lost
if (stored[1] or '') ~= ARGV[2] then return 0 end
if stored[1] then redis.call('DEL', KEYS[1]) end -- what frees first goes on when memory is full; a creation does not
redis.call('HSET', KEYS[1], 'revision', ARGV[3], 'nonce', ARGV[4], 'document', ARGV[5])
if ARGV[8] == '1' then redis.call('DEL', KEYS[2]) end
for i = 9, #ARGV do redis.call('RPUSH', KEYS[2], ARGV[i]) end
redis.call('ZADD', KEYS[3], 0, ARGV[1])
if ARGV[6] == '' then redis.call('ZREM', KEYS[4], ARGV[1]) else redis.call('ZADD', KEYS[4], ARGV[6], ARGV[1]) end
claim(KEYS[5], KEYS[6], ARGV[1], ARGV[7])
return 1
