-- `claimed` is always the sum of the scores in `unfinished`. A claim is '' for none.
local function claim(unfinished, claimed, id, now)
  local before = redis.call('ZSCORE', unfinished, id)
  if tonumber(before or '') == tonumber(now) then return end
  if now == '' then redis.call('ZREM', unfinished, id) else redis.call('ZADD', unfinished, now, id) end
  redis.call('INCRBYFLOAT', claimed, string.format('%.0f', (tonumber(now) or 0) - (tonumber(before or '') or 0)))
end

-- KEYS: upload, entries, ids, due, unfinished, claimed. ARGV: id, revision expected
local revision = redis.call('HGET', KEYS[1], 'revision')
if revision and revision ~= ARGV[2] then return 0 end
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('ZREM', KEYS[3], ARGV[1])
redis.call('ZREM', KEYS[4], ARGV[1])
claim(KEYS[5], KEYS[6], ARGV[1], '')
return 1
