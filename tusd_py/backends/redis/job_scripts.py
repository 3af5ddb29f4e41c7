"""The scripts that write, list and remove the records of jobs in Redis."""

from __future__ import annotations

from tusd_py.backends.redis.outbox_scripts import ARGUMENTS_PER_EVENT, STORE

PUT = f"""
{STORE}
-- ARGV: prefix, id, revision expected ('' for none), nonce, created, due ('' for never), ended ('' if it hasn't),
--       upload ('' for none), the event of its end if it has ended, fields and values...
-- Returns 1; if another revision is stored, the document of that; else 0
local prefix, id, expected, nonce, created, due, ended, upload = unpack(ARGV, 1, 8)
local fields = 9 + (ended == '' and 0 or {ARGUMENTS_PER_EVENT})
local job = prefix .. 'job:' .. id
local function place(name, time)
  if time == '' then redis.call('ZREM', prefix .. name, id) else redis.call('ZADD', prefix .. name, time, id) end
end
local stored = redis.call('HMGET', job, 'revision', 'nonce', 'document')
if stored[2] == nonce then return 1 end -- this call, retried after a lost answer
if (stored[1] or '') ~= expected then return stored[3] or 0 end
if stored[1] then redis.call('DEL', job) end -- frees memory: so a save may write when it is full
redis.call('HSET', job, 'nonce', nonce, unpack(ARGV, fields))
if stored[1] and ended ~= '' and not redis.call('ZSCORE', prefix .. 'ended-jobs', id) then -- this save ends it
  store(prefix, upload ~= '' and upload or id, unpack(ARGV, 9, fields - 1))
end
place('jobs', created)
place('due-jobs', due)
place('ended-jobs', ended)
if upload ~= '' then redis.call('ZADD', prefix .. 'upload-jobs:' .. upload, created, id) end
return 1
"""

DUE = """
-- ARGV: prefix, now, limit
local found = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', ARGV[1] .. 'due-jobs', '-inf', ARGV[2], 'LIMIT', 0, ARGV[3])) do
  local document = redis.call('HGET', ARGV[1] .. 'job:' .. id, 'document')
  if document then
    table.insert(found, document)
  else
    redis.call('ZREM', ARGV[1] .. 'due-jobs', id) -- pruned by a node of an earlier version
  end
end
return found
"""

LIST = """
-- ARGV: prefix, sorted set to list, time and id to begin after ('' for the first), limit, size, choice as JSON
-- Returns the time and id to go on after, false at the end, and the documents among the jobs that it looked at
local prefix, set, time, after, limit = ARGV[1], ARGV[1] .. ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local size, choice = tonumber(ARGV[6]), cjson.decode(ARGV[7])
local function is_chosen(job)
  local phase, kind, account = unpack(redis.call('HMGET', job, 'phase', 'kind', 'account'))
  if choice.kind and choice.kind ~= kind or choice.account and choice.account ~= account then return false end
  for _, each in ipairs(choice.phases or {phase}) do
    if each == phase then return true end
  end
  return false
end
local found, looked, passed, low = {}, 0, 0, time == '' and '-inf' or time
while true do
  local page = redis.call('ZRANGEBYSCORE', set, low, '+inf', 'WITHSCORES', 'LIMIT', passed, 100)
  if #page == 0 then return {false, false, found} end
  for i = 1, #page, 2 do
    local id, created = page[i], page[i + 1]
    if time == '' or tonumber(created) > tonumber(time) or id > after then
      local job = prefix .. 'job:' .. id
      local document = is_chosen(job) and redis.call('HGET', job, 'document')
      if document then
        table.insert(found, document)
        size = size - #document
      end
      looked = looked + 1
      if #found == limit or size <= 0 or looked == 1000 then return {created, id, found} end
    end
  end
  passed = passed + #page / 2
end
"""

RECENT = """
-- ARGV: prefix, upload, limit, size. Returns the documents of jobs that haven't ended, then of those that ended last
local prefix, limit, size = ARGV[1], tonumber(ARGV[3]), tonumber(ARGV[4])
local jobs, found = {}, {}
for at, id in ipairs(redis.call('ZRANGE', prefix .. 'upload-jobs:' .. ARGV[2], 0, -1)) do
  local ended = redis.call('ZSCORE', prefix .. 'ended-jobs', id)
  table.insert(jobs, {id = id, ended = ended and tonumber(ended) or math.huge, at = at})
end
table.sort(jobs, function(one, other)
  if one.ended ~= other.ended then return one.ended > other.ended end
  return one.at > other.at
end)
for i = 1, math.min(limit, #jobs) do
  local document = redis.call('HGET', prefix .. 'job:' .. jobs[i].id, 'document')
  if document then
    table.insert(found, document)
    size = size - #document
    if size <= 0 then break end
  end
end
return found
"""

PRUNE = """
-- ARGV: prefix, time, limit. Returns how many jobs were removed: those that are still due keep their products' ids
local prefix, limit, removed, kept = ARGV[1], tonumber(ARGV[3]), 0, 0
local ended_jobs, before = prefix .. 'ended-jobs', '(' .. ARGV[2]
local function remove(id)
  local upload = redis.call('HGET', prefix .. 'job:' .. id, 'upload')
  if upload then redis.call('ZREM', prefix .. 'upload-jobs:' .. upload, id) end
  redis.call('DEL', prefix .. 'job:' .. id)
  redis.call('ZREM', prefix .. 'jobs', id)
  redis.call('ZREM', ended_jobs, id)
end
while removed < limit do
  local page = redis.call('ZRANGEBYSCORE', ended_jobs, '-inf', before, 'LIMIT', kept, limit - removed)
  if #page == 0 then break end
  for _, id in ipairs(page) do
    if redis.call('ZSCORE', prefix .. 'due-jobs', id) then
      kept = kept + 1
    else
      remove(id)
      removed = removed + 1
    end
  end
end
return removed
"""
