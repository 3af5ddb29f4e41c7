"""The scripts of the outbox in Redis that store and deliver events.

An event is a hash. For each sink and upload a list holds the numbers of pending events in order, and a sorted set of
the sink holds the time at which the first of each list is due; a list that a dead delivery blocks is in another set. A
delivery that was attempted, rescheduled or ended also has a hash: attempts, error, the time at which it is due, a
random token of the last lease, and the state once it is no longer pending.

For operators, a sorted set for each sink and state holds the numbers of the sink's deliveries in that state. `STORE`,
the part of a script that stores an event, doesn't write to these sets, nor do nodes of the previous version:
`operator_scripts.CATCH_UP` adds those deliveries that were stored since it ran last and are still pending.
"""

from __future__ import annotations

from tusd_py.backends.redis.numbers import NUMBER
from tusd_py.ports.outbox import FEED

STORE = f"""
{NUMBER}
-- Stores an event for the subscriptions to it, if any. A spare id is '' for none. Returns the number that it took
local function store(prefix, upload, id, spare, kind, at, document)
  local sinks, names, wanted = redis.call('HGETALL', prefix .. 'sinks'), {{}}, false
  for i = 1, #sinks, 2 do
    if string.find(sinks[i + 1], '"' .. kind .. '"', 1, true) then
      wanted = true
      if cjson.decode(sinks[i + 1]).format ~= '{FEED}' then table.insert(names, sinks[i]) end
    end
  end
  if wanted and redis.call('EXISTS', prefix .. 'event-id:' .. id) == 1 then
    id, wanted = spare, spare ~= ''
  end
  if not wanted then return take(prefix) end
  local seq = redis.call('INCR', prefix .. 'event-seq')
  redis.call('SET', prefix .. 'event-id:' .. id, seq)
  local event = prefix .. 'event:' .. seq
  redis.call('HSET', event, 'id', id, 'upload', upload, 'type', kind, 'at', at, 'document', document)
  for _, name in ipairs(names) do
    redis.call('RPUSH', prefix .. 'pending:' .. name .. ':' .. upload, seq)
    redis.call('ZADD', prefix .. 'due-events:' .. name, 'NX', at, upload)
  end
  return seq
end
"""
ARGUMENTS_PER_EVENT = 5
"""The number of arguments that a script takes for each event that it is to store."""

READ = """
-- ARGV: prefix, …
local prefix = ARGV[1]
local function key(kind, sink, last) return prefix .. kind .. ':' .. sink .. ':' .. last end
local function due_key(sink) return prefix .. 'due-events:' .. sink end
local function blocked_key(sink) return prefix .. 'blocked-events:' .. sink end
local function every_sink() return redis.call('SMEMBERS', prefix .. 'event-sinks') end
local function event(seq, field) return redis.call('HGET', prefix .. 'event:' .. seq, field) end
local function due(sink, seq) return redis.call('HGET', key('delivery', sink, seq), 'due') or event(seq, 'at') end
local function queue(sink, upload) return redis.call('LRANGE', key('pending', sink, upload), 0, -1) end
-- The state of a delivery; nil if there is none
local function state(sink, upload, seq)
  for _, each in ipairs(queue(sink, upload)) do
    if each == seq then return 'pending' end
  end
  return redis.call('HGET', key('delivery', sink, seq), 'state') or nil
end
local function event_row(seq)
  return {seq, unpack(redis.call('HMGET', prefix .. 'event:' .. seq, 'id', 'upload', 'type', 'at', 'document'))}
end
local function row(sink, seq, is)
  local found = redis.call('HMGET', prefix .. 'event:' .. seq, 'id', 'upload', 'type', 'at', 'document')
  local tried = redis.call('HMGET', key('delivery', sink, seq), 'attempts', 'error')
  return {sink, seq, found[1], found[2], found[3], found[4], found[5], is, tried[1], tried[2], due(sink, seq)}
end
"""

WRITE = f"""
{READ}
-- Lets the first pending delivery say when the upload is due. Each writer first frees memory by a removal: a script
-- that begins so may write when memory is full
local function point(sink, upload)
  local first = redis.call('LINDEX', key('pending', sink, upload), 0)
  redis.call('ZREM', due_key(sink), upload)
  redis.call('SREM', blocked_key(sink), upload)
  if first then redis.call('ZADD', due_key(sink), due(sink, first), upload) end
end
-- Moves the times of the pending deliveries behind one by `choose`
local function move(sink, upload, seq, time, choose)
  for _, each in ipairs(queue(sink, upload)) do
    local now = due(sink, each)
    if tonumber(each) > tonumber(seq) and choose(tonumber(now), tonumber(time)) ~= tonumber(now) then
      redis.call('HSET', key('delivery', sink, each), 'due', time)
    end
  end
end
-- Enters a delivery among those of its state, '' for none, and the event among those that no sink lacks, if so
local function enter(sink, upload, seq, now)
  for _, is in ipairs({{'pending', 'dead', 'delivered'}}) do redis.call('ZREM', key('deliveries', sink, is), seq) end
  redis.call('ZREM', key('dead', sink, upload), seq)
  redis.call('ZREM', prefix .. 'ended-events', seq)
  if now ~= '' then redis.call('ZADD', key('deliveries', sink, now), seq, seq) end
  if now == 'dead' then redis.call('ZADD', key('dead', sink, upload), seq, seq) end
  for _, each in ipairs(every_sink()) do
    local of = state(each, upload, seq)
    if of == 'pending' or of == 'dead' then return end
  end
  redis.call('ZADD', prefix .. 'ended-events', event(seq, 'at'), seq)
end
local function finish(sink, upload, seq, is)
  redis.call('LREM', key('pending', sink, upload), 1, seq)
  redis.call('HSET', key('delivery', sink, seq), 'state', is)
  point(sink, upload)
  enter(sink, upload, seq, is)
end
"""

SUBSCRIBE = f"""
-- ARGV: prefix, then name and value of each subscription
redis.call('DEL', ARGV[1] .. 'sinks')
for i = 2, #ARGV, 2 do
  redis.call('HSET', ARGV[1] .. 'sinks', ARGV[i], ARGV[i + 1])
  if cjson.decode(ARGV[i + 1]).format ~= '{FEED}' then redis.call('SADD', ARGV[1] .. 'event-sinks', ARGV[i]) end
end
"""

DUE = f"""
{READ}
-- ARGV: prefix, sink, now, limit, '1' if a dead delivery blocks those behind it; then the types of events to return.
-- Blocked uploads are set aside, so that those before it in time aren't passed over again and again; STORE, RESTART and
-- DROP bring them back
local sink, now, limit, strict = ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5] == '1'
local found, passed, unknown, known = {{}}, 0, 0, {{}}
for i = 6, #ARGV do known[ARGV[i]] = true end
local function blocked(upload, first)
  local dead = redis.call('ZRANGE', key('dead', sink, upload), 0, 0)[1]
  return strict and dead and tonumber(dead) < tonumber(first)
end
while not strict do
  local upload = redis.call('SPOP', blocked_key(sink))
  if not upload then break end
  local first = redis.call('LINDEX', key('pending', sink, upload), 0)
  if first then redis.call('ZADD', due_key(sink), due(sink, first), upload) end
end
while #found < limit and passed + unknown < 1000 do
  local start = #found + unknown
  local uploads = redis.call('ZRANGEBYSCORE', due_key(sink), '-inf', now, 'LIMIT', start, limit - #found)
  if #uploads == 0 then break end
  for _, upload in ipairs(uploads) do
    local first = redis.call('LINDEX', key('pending', sink, upload), 0)
    if blocked(upload, first) then
      redis.call('ZREM', due_key(sink), upload)
      redis.call('SADD', blocked_key(sink), upload)
      passed = passed + 1
    elseif not known[event(first, 'type')] then
      unknown = unknown + 1
    else
      table.insert(found, row(sink, first, 'pending'))
    end
  end
end
return found
"""

TAKE = f"""
{WRITE}
-- ARGV: prefix, sink, upload, number, due as read, until, a word of this call alone
local _, sink, upload, seq, read, till, lease = unpack(ARGV)
local delivery, time = key('delivery', sink, seq), tonumber(due(sink, seq))
if state(sink, upload, seq) ~= 'pending' then return 0 end
if time == tonumber(till) and redis.call('HGET', delivery, 'lease') == lease then return 1 end -- sent again
if time ~= tonumber(read) then return 0 end
redis.call('ZREM', due_key(sink), upload)
redis.call('HSET', delivery, 'due', till, 'lease', lease)
point(sink, upload)
return 1
"""

DONE = f"""
{WRITE}
-- ARGV: prefix, sink, upload, number
local _, sink, upload, seq = unpack(ARGV)
if state(sink, upload, seq) ~= 'pending' then return end
redis.call('HDEL', key('delivery', sink, seq), 'error')
finish(sink, upload, seq, 'delivered')
"""

FAILED = f"""
{WRITE}
-- ARGV: prefix, sink, upload, number, due as read, error, due ('' for never again)
local _, sink, upload, seq, read, problem, time = unpack(ARGV)
if state(sink, upload, seq) ~= 'pending' or tonumber(due(sink, seq)) ~= tonumber(read) then return end
local delivery = key('delivery', sink, seq)
redis.call('ZREM', due_key(sink), upload)
redis.call('HINCRBY', delivery, 'attempts', 1)
redis.call('HSET', delivery, 'error', problem)
if time == '' then return finish(sink, upload, seq, 'dead') end
redis.call('HSET', delivery, 'due', time)
move(sink, upload, seq, time, math.max)
point(sink, upload)
"""
