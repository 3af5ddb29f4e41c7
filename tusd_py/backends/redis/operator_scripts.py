"""The scripts of the outbox in Redis by which operators list, restart and drop deliveries, and those that list and
remove the kept events."""

from __future__ import annotations

from tusd_py.backends.redis.outbox_scripts import READ, WRITE
from tusd_py.ports.outbox import FEED

RESTART = f"""
{WRITE}
-- ARGV: prefix, now; then for each delivery: sink, upload, number, state as read. Returns how many were in that state
local count, now = 0, ARGV[2]
for i = 3, #ARGV, 4 do
  local sink, upload, seq, read = unpack(ARGV, i, i + 3)
  if state(sink, upload, seq) == read then
    local pending = queue(sink, upload)
    if read ~= 'pending' then table.insert(pending, seq) end
    table.sort(pending, function(one, other) return tonumber(one) < tonumber(other) end)
    redis.call('DEL', key('pending', sink, upload), key('delivery', sink, seq))
    redis.call('RPUSH', key('pending', sink, upload), unpack(pending))
    redis.call('HSET', key('delivery', sink, seq), 'due', now)
    move(sink, upload, seq, now, math.min)
    point(sink, upload)
    enter(sink, upload, seq, 'pending')
    count = count + 1
  end
end
return count
"""

DROP = f"""
{WRITE}
-- ARGV: prefix, now; then for each delivery: sink, upload, number. Returns how many were there
local count, now = 0, ARGV[2]
for i = 3, #ARGV, 3 do
  local sink, upload, seq = unpack(ARGV, i, i + 2)
  if state(sink, upload, seq) then
    redis.call('DEL', key('delivery', sink, seq))
    redis.call('LREM', key('pending', sink, upload), 1, seq)
    move(sink, upload, seq, now, math.min)
    point(sink, upload)
    enter(sink, upload, seq, '')
    count = count + 1
  end
end
return count
"""

CATCH_UP = f"""
{READ}
-- ARGV: prefix, limit. Enters up to that many events and their pending deliveries; returns how many numbers are left
local last = tonumber(redis.call('GET', prefix .. 'event-listed') or '0')
local stored = tonumber(redis.call('GET', prefix .. 'event-seq') or '0')
if last >= stored then return 0 end
local to, sinks, feeds = math.min(stored, last + tonumber(ARGV[2])), every_sink(), {{}}
redis.call('DEL', prefix .. 'event-listed')
local subscriptions = redis.call('HGETALL', prefix .. 'sinks')
for i = 1, #subscriptions, 2 do
  if cjson.decode(subscriptions[i + 1]).format == '{FEED}' then table.insert(feeds, subscriptions[i]) end
end
local function enter(seq, upload)
  local lacking = false
  redis.call('ZADD', prefix .. 'events', seq, seq)
  for _, sink in ipairs(sinks) do
    local is = state(sink, upload, tostring(seq))
    if is == 'pending' then redis.call('ZADD', key('deliveries', sink, is), seq, seq) end
    lacking = lacking or is == 'pending' or is == 'dead'
  end
  if not lacking then redis.call('ZADD', prefix .. 'ended-events', event(seq, 'at'), seq) end
end
for seq = last + 1, to do
  local upload = event(seq, 'upload')
  if upload then enter(seq, upload) end
  for _, feed in ipairs(upload and feeds or {{}}) do -- where nodes of the version before deliver, knowing of no feed
    redis.call('DEL', key('pending', feed, upload))
    redis.call('ZREM', due_key(feed), upload)
  end
end
redis.call('SET', prefix .. 'event-listed', to)
return stored - to
"""

LIST = f"""
{READ}
-- ARGV: prefix, limit, size, number and sink to begin after, earliest time, sink ('' for every one), states...
-- Returns the number and sink to go on after, false at the end, and the rows among those that it looked at
local limit, size, after, behind, since = tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4], ARGV[5], tonumber(ARGV[6])
local found, rows = {{}}, {{}}
for _, sink in ipairs(ARGV[7] == '' and every_sink() or {{ARGV[7]}}) do
  for i = 8, #ARGV do
    local low = sink > behind and after or '(' .. after
    local seqs = redis.call('ZRANGEBYSCORE', key('deliveries', sink, ARGV[i]), low, '+inf', 'LIMIT', 0, limit)
    for _, seq in ipairs(seqs) do table.insert(found, {{seq, sink, ARGV[i]}}) end
  end
end
table.sort(found, function(one, other)
  if one[1] ~= other[1] then return tonumber(one[1]) < tonumber(other[1]) end
  return one[2] < other[2]
end)
for i = 1, math.min(limit, #found) do
  local seq, sink, is = unpack(found[i])
  if tonumber(event(seq, 'at')) >= since then
    local each = row(sink, seq, is)
    table.insert(rows, each)
    size = size - #each[7]
  end
  if i == limit or size <= 0 then return {{seq, sink, rows}} end
end
return {{false, false, rows}}
"""

EVENT = f"""
{READ}
-- ARGV: prefix, id. Returns the rows of its deliveries
local seq, rows = redis.call('GET', prefix .. 'event-id:' .. ARGV[2]), {{}}
if not seq then return rows end
for _, sink in ipairs(every_sink()) do
  local is = state(sink, event(seq, 'upload'), seq)
  if is then table.insert(rows, row(sink, seq, is)) end
end
return rows
"""

EVENTS = f"""
{READ}
-- ARGV: prefix, number to begin after, limit, size
local found, low, limit, size = {{}}, '(' .. ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
while #found < limit do
  local seqs = redis.call('ZRANGEBYSCORE', prefix .. 'events', low, '+inf', 'LIMIT', 0, limit - #found)
  if #seqs == 0 then break end
  for _, seq in ipairs(seqs) do
    if event(seq, 'id') then
      local each = event_row(seq)
      table.insert(found, each)
      size = size - #each[6]
      if size <= 0 then return found end
    else -- a node of the version before has removed it
      redis.call('ZREM', prefix .. 'events', seq)
    end
  end
  low = '(' .. seqs[#seqs]
end
return found
"""

STORED_EVENT = f"""
{READ}
-- ARGV: prefix, id. Returns the event, or false
local seq = redis.call('GET', prefix .. 'event-id:' .. ARGV[2])
return seq and event_row(seq)
"""

BACKLOGS = f"""
{READ}
-- ARGV: prefix. Returns for each sink: name, pending, dead, the first pending one's time
local found = {{}}
for _, sink in ipairs(every_sink()) do
  local pending, dead = key('deliveries', sink, 'pending'), key('deliveries', sink, 'dead')
  local count, lost = redis.call('ZCARD', pending), redis.call('ZCARD', dead)
  local first = redis.call('ZRANGE', pending, 0, 0)[1]
  if count + lost > 0 or redis.call('HEXISTS', prefix .. 'sinks', sink) == 1 then
    table.insert(found, {{sink, count, lost, first and event(first, 'at') or false}})
  end
end
return found
"""

PRUNE = f"""
{READ}
-- ARGV: prefix, time, limit. Returns how many events were removed
local old = redis.call('ZRANGEBYSCORE', prefix .. 'ended-events', '-inf', '(' .. ARGV[2], 'LIMIT', 0, ARGV[3])
for _, seq in ipairs(old) do
  redis.call('ZREM', prefix .. 'ended-events', seq)
  redis.call('ZREM', prefix .. 'events', seq)
  redis.call('DEL', prefix .. 'event-id:' .. event(seq, 'id'), prefix .. 'event:' .. seq)
  for _, sink in ipairs(every_sink()) do
    redis.call('DEL', key('delivery', sink, seq))
    redis.call('ZREM', key('deliveries', sink, 'delivered'), seq)
  end
end
return #old
"""
