"""The outbox in Redis: events are stored by the scripts that write records; each step of a delivery is a script.

An event is a hash. For each sink and upload a list holds the numbers of pending events in order, and a sorted set of
the sink holds the time at which the first of each list is due. The state of a delivery is a hash, too.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tusd_py.backends.redis.connection import unavailable_on_error
from tusd_py.domain.event_json import event_row
from tusd_py.domain.events import Event, EventType
from tusd_py.domain.upload import Upload, UploadId
from tusd_py.ports.outbox import Delivery, Sink

STORE = """
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
"""
ARGUMENTS_PER_EVENT = 5
"""The number of arguments that a script with `STORE` takes for each event."""

_DUE = """
-- KEYS: due. ARGV: prefix, sink, now, limit
local found = {}
local ids = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[3], 'WITHSCORES', 'LIMIT', 0, ARGV[4])
for i = 1, #ids, 2 do
  local seq = redis.call('LINDEX', ARGV[1] .. 'pending:' .. ARGV[2] .. ':' .. ids[i], 0)
  local event = redis.call('HMGET', ARGV[1] .. 'event:' .. seq, 'id', 'upload', 'type', 'at', 'document')
  local tried = redis.call('HMGET', ARGV[1] .. 'delivery:' .. ARGV[2] .. ':' .. seq, 'attempts', 'error')
  table.insert(found, {seq, event[1], event[2], event[3], event[4], event[5], tried[1], tried[2], ids[i + 1]})
end
return found
"""

_READ = """
-- KEYS: pending, due. ARGV: upload, number, due as read. `as_read` is false if another node has taken or ended it
local score = redis.call('ZSCORE', KEYS[2], ARGV[1])
local as_read = redis.call('LINDEX', KEYS[1], 0) == ARGV[2] and score and tonumber(score) == tonumber(ARGV[3])
"""

_END = """
-- KEYS: pending, due, delivery. ARGV: upload, number, due as read, prefix. Does nothing a second time
local function finish(state)
  if redis.call('LREM', KEYS[1], 1, ARGV[2]) == 0 then return end
  redis.call('HSET', KEYS[3], 'state', state)
  redis.call('ZREM', KEYS[2], ARGV[1])
  local following = redis.call('LINDEX', KEYS[1], 0)
  if following then
    redis.call('ZADD', KEYS[2], redis.call('HGET', ARGV[4] .. 'event:' .. following, 'at'), ARGV[1])
  end
end
"""

_TAKE = f"""
{_READ}
-- ARGV: prefix, until
if not as_read then return 0 end
redis.call('ZREM', KEYS[2], ARGV[1]) -- frees memory: a script that begins so may write when memory is full
redis.call('ZADD', KEYS[2], ARGV[5], ARGV[1])
return 1
"""

_DONE = f"""
{_END}
redis.call('HDEL', KEYS[3], 'error')
finish('delivered')
"""

_FAILED = f"""
{_READ}
{_END}
-- ARGV: error, due ('' for never again)
if not as_read then return end
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('HINCRBY', KEYS[3], 'attempts', 1)
redis.call('HSET', KEYS[3], 'error', ARGV[5])
if ARGV[6] == '' then finish('dead') else redis.call('ZADD', KEYS[2], ARGV[6], ARGV[1]) end
"""


class RedisOutbox:
    """An `Outbox` in Redis, on the connections of the `RedisState`."""

    def __init__(self, redis: Any, prefix: str) -> None:
        self._redis, self._prefix = redis, prefix
        self._due, self._take, self._done, self._failed = map(redis.register_script, (_DUE, _TAKE, _DONE, _FAILED))

    async def register(self, sinks: Sequence[Sink]) -> None:
        fields = {sink.name: json.dumps({"format": sink.format, "types": sorted(sink.types)}) for sink in sinks}
        key = f"{self._prefix}sinks"
        with unavailable_on_error():
            async with self._redis.pipeline() as pipeline:
                pipeline.delete(key)
                if fields:
                    pipeline.hset(key, mapping=fields)
                await pipeline.execute()

    async def sinks(self) -> Sequence[Sink]:
        with unavailable_on_error():
            fields = await self._redis.hgetall(f"{self._prefix}sinks")
        return [_sink(name, json.loads(fields[name])) for name in sorted(fields)]

    async def due(self, sink: str, now: float, limit: int) -> Sequence[Delivery]:
        with unavailable_on_error():
            rows = await self._due(keys=[self._due_key(sink)], args=[self._prefix, sink, repr(now), limit])
        return [_delivery(sink, row) for row in rows]

    async def take(self, delivery: Delivery, until: float) -> Delivery | None:
        with unavailable_on_error():
            leased = await self._take(keys=self._keys(delivery), args=[*self._arguments(delivery), repr(until)])
        return replace(delivery, due_at=until) if leased else None

    async def mark_delivered(self, delivery: Delivery) -> None:
        with unavailable_on_error():
            await self._done(keys=self._keys(delivery), args=self._arguments(delivery))

    async def mark_failed(self, delivery: Delivery, error: str, due_at: float | None) -> None:
        due = "" if due_at is None else repr(due_at)
        with unavailable_on_error():
            await self._failed(keys=self._keys(delivery), args=[*self._arguments(delivery), error, due])

    def _keys(self, delivery: Delivery) -> Sequence[str]:
        pending = f"{self._prefix}pending:{delivery.sink}:{delivery.upload_id}"
        return [pending, self._due_key(delivery.sink), f"{self._prefix}delivery:{delivery.sink}:{delivery.seq}"]

    def _arguments(self, delivery: Delivery) -> Sequence[str]:
        return [delivery.upload_id, str(delivery.seq), repr(delivery.due_at), self._prefix]

    def _due_key(self, sink: str) -> str:
        return f"{self._prefix}due-events:{sink}"


def event_arguments(events: Sequence[Event], recorded: Upload, document: str) -> Sequence[str]:
    """Return the arguments of a script with `STORE` for the events: `ARGUMENTS_PER_EVENT` for each."""
    rows = [event_row(event, recorded, document) for event in events]
    return [word for row in rows for word in (row.id, row.spare_id or "", row.type, repr(row.at), row.document)]


def _sink(name: str, values: Any) -> Sink:
    types = frozenset(EventType(word) for word in values["types"] if word in _KNOWN)
    return Sink(name=name, format=values["format"], types=types)


_KNOWN = frozenset(EventType)


def _delivery(sink: str, row: Sequence[str | None]) -> Delivery:
    seq, event_id, upload_id, kind, at, document, attempts, error, due_at = row
    return Delivery(
        sink=sink,
        seq=int(seq or 0),
        event_id=event_id or "",
        upload_id=UploadId(upload_id or ""),
        type=EventType(kind or ""),
        at=float(at or 0),
        document=document or "",
        attempts=int(attempts or 0),
        error=error,
        due_at=float(due_at or 0),
    )
