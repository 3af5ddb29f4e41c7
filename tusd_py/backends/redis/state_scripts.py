"""The scripts that write, delete and list the records of uploads in Redis."""

from __future__ import annotations

from tusd_py.backends.redis.charging import CHARGE, TERMS
from tusd_py.backends.redis.outbox_scripts import ARGUMENTS_PER_EVENT, STORE
from tusd_py.backends.redis.unfinished import CLAIM

PUT = f"""
{CLAIM}
{STORE}
{CHARGE}
{TERMS}
-- KEYS: upload, entries, ids, due, unfinished, claimed
-- ARGV: id, revision expected ('' for none), new revision, nonce, document, due ('' for never), claim ('' for none),
--       '1' to replace the stored entries, prefix, charge, terms, number of events, events..., entries...
-- Returns 1, 0 if another revision is stored, or the reason against it
local stored = redis.call('HMGET', KEYS[1], 'revision', 'nonce', 'seq')
if stored[2] == ARGV[4] then return 1 end -- this call, retried after a lost answer
if (stored[1] or '') ~= ARGV[2] then return 0 end
local terms = ARGV[11] == '' and {{}} or cjson.decode(ARGV[11])
local reason = refusal(ARGV[9], ARGV[1], not stored[1], ARGV[10], terms)
if reason then return reason end
if stored[1] then redis.call('DEL', KEYS[1]) end -- frees memory: so a save may write when it is full
redis.call('HSET', KEYS[1], 'revision', ARGV[3], 'nonce', ARGV[4], 'document', ARGV[5])
if ARGV[8] == '1' then redis.call('DEL', KEYS[2]) end
local entries = 13 + {ARGUMENTS_PER_EVENT} * ARGV[12]
for i = entries, #ARGV do redis.call('RPUSH', KEYS[2], ARGV[i]) end
redis.call('ZADD', KEYS[3], 0, ARGV[1])
if ARGV[6] == '' then redis.call('ZREM', KEYS[4], ARGV[1]) else redis.call('ZADD', KEYS[4], ARGV[6], ARGV[1]) end
claim(KEYS[5], KEYS[6], ARGV[1], ARGV[7])
apply(ARGV[9], ARGV[1], terms)
charge(ARGV[9], ARGV[1], ARGV[10])
local seq = stored[3]
for i = 13, entries - 1, {ARGUMENTS_PER_EVENT} do
  seq = store(ARGV[9], ARGV[1], ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4])
end
number(ARGV[9], ARGV[1], seq or take(ARGV[9]))
return 1
"""

DELETE = f"""
{CLAIM}
{CHARGE}
{TERMS}
-- KEYS: upload, entries, ids, due, unfinished, claimed. ARGV: id, revision expected, prefix, then its names
local revision = redis.call('HGET', KEYS[1], 'revision')
if revision and revision ~= ARGV[2] then return 0 end
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('ZREM', KEYS[3], ARGV[1])
redis.call('ZREM', KEYS[4], ARGV[1])
redis.call('ZREM', ARGV[3] .. 'seqs', ARGV[1])
claim(KEYS[5], KEYS[6], ARGV[1], '')
charge(ARGV[3], ARGV[1], '')
for i = 4, #ARGV do free_name(ARGV[3], ARGV[1], ARGV[i]) end
return 1
"""

LIST = """
-- KEYS: ids. ARGV: lower bound, limit, prefix of the uploads' keys
local documents = {}
for _, id in ipairs(redis.call('ZRANGEBYLEX', KEYS[1], ARGV[1], '+', 'LIMIT', 0, ARGV[2])) do
  table.insert(documents, redis.call('HGET', ARGV[3] .. id, 'document'))
end
return documents
"""
