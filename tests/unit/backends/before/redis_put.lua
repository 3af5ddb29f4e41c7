-- `claimed` is always the sum of the scores in `unfinished`. A claim is '' for none.
local function claim(unfinished, claimed, id, now)
  local before = redis.call('ZSCORE', unfinished, id)
  if tonumber(before or '') == tonumber(now) then return end
  if now == '' then redis.call('ZREM', unfinished, id) else redis.call('ZADD', unfinished, now, id) end
  redis.call('INCRBYFLOAT', claimed, string.format('%.0f', (tonumber(now) or 0) - (tonumber(before or '') or 0)))
end


-- Stores an event for the sinks that receive it; writes nothing if there is none. A spare id is '' for none.
local function store(prefix, upload, id, spare, kind, at, document)
  local sinks, names = redis.call('HGETALL', prefix .. 'sinks'), {}
  for i = 1, #sinks, 2 do
    if string.find(sinks[i + 1], '"' .. kind .. '"', 1, true) then table.insert(names, sinks[i]) end
  end
  if #names == 0 then return end
  if redis.call('EXISTS', prefix .. 'event-id:' .. id) == 1 then
    if spare == '' then return end
    id = spare
  end
  local seq = redis.call('INCR', prefix .. 'event-seq')
  redis.call('SET', prefix .. 'event-id:' .. id, seq)
  local event = prefix .. 'event:' .. seq
  redis.call('HSET', event, 'id', id, 'upload', upload, 'type', kind, 'at', at, 'document', document)
  for _, name in ipairs(names) do
    redis.call('RPUSH', prefix .. 'pending:' .. name .. ':' .. upload, seq)
    redis.call('ZADD', prefix .. 'due-events:' .. name, 'NX', at, upload)
  end
end

-- KEYS: upload, entries, ids, due, unfinished, claimed
-- ARGV: id, revision expected ('' for none), new revision, nonce, document, due ('' for never), claim ('' for none),
--       '1' to replace the stored entries, prefix, number of events, events..., entries...
local stored = redis.call('HMGET', KEYS[1], 'revision', 'nonce')
if stored[2] == ARGV[4] then return 1 end -- this call, retried after a lost answer
if (stored[1] or '') ~= ARGV[2] then return 0 end
if stored[1] then redis.call('DEL', KEYS[1]) end -- frees memory: so a save may write when it is full
redis.call('HSET', KEYS[1], 'revision', ARGV[3], 'nonce', ARGV[4], 'document', ARGV[5])
if ARGV[8] == '1' then redis.call('DEL', KEYS[2]) end
local entries = 11 + 5 * ARGV[10]
for i = entries, #ARGV do redis.call('RPUSH', KEYS[2], ARGV[i]) end
redis.call('ZADD', KEYS[3], 0, ARGV[1])
if ARGV[6] == '' then redis.call('ZREM', KEYS[4], ARGV[1]) else redis.call('ZADD', KEYS[4], ARGV[6], ARGV[1]) end
claim(KEYS[5], KEYS[6], ARGV[1], ARGV[7])
for i = 11, entries - 1, 5 do
  store(ARGV[9], ARGV[1], ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4])
end
return 1
