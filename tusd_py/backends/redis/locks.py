"""Locks among many nodes, in Redis or Valkey.

A lease is a key that expires; its value is the holder, `node/token`. Each node listens on its own channel, where
waiters ask it to release a lock and holders announce released ones. Messages may get lost, so waiters also retry. A
single primary is assumed: after a failover two nodes may hold the same lock for a while, which costs time but no bytes.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any

from redis.exceptions import RedisError

from tusd_py.backends.lease import TimedLease
from tusd_py.backends.leased_locks import SharedLocker
from tusd_py.backends.redis.connection import connect, unavailable_on_error
from tusd_py.backends.redis.schema import PREFIX, Keys
from tusd_py.domain.upload_id import UploadId
from tusd_py.subscription import next_message
from tusd_py.tasks import end

_NEVER_RELEASED = 2
"""The result of the script `_TAKE` if it took the lease, but the last holder had never released its own; also if the
Redis client sent the script again after its answer was lost."""
_RECONNECT_SECONDS = 0.2

_TAKE = """
-- KEYS: lease, waiters, held
-- ARGV: holder, TTL in ms, upload, prefix of channels, node that asks for the release ('' for none)
-- Returns 0 if another holds it, 2 if the last holder never released it, else 1.
local holder = redis.call('GET', KEYS[1])
if not holder or holder == ARGV[1] then
  redis.call('DEL', KEYS[1]) -- frees memory: a script that begins so may write when memory is full
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  if redis.call('SADD', KEYS[3], ARGV[3]) == 0 then return 2 end -- or a retry after a lost answer
  return 1
end
if ARGV[5] ~= '' then
  redis.call('SREM', KEYS[2], ARGV[5]) -- frees memory, too
  redis.call('SADD', KEYS[2], ARGV[5])
  redis.call('PEXPIRE', KEYS[2], ARGV[2])
  redis.call('PUBLISH', ARGV[4] .. string.match(holder, '^[^/]+'), 'leave ' .. ARGV[3] .. ' ' .. holder)
end
return 0
"""

_RENEW = """
-- KEYS: leases. ARGV: TTL in ms, their holders
local kept = {}
for i, key in ipairs(KEYS) do
  if redis.call('GET', key) == ARGV[i + 1] then
    redis.call('PEXPIRE', key, ARGV[1])
    table.insert(kept, ARGV[i + 1])
  end
end
return kept
"""

_DROP = """
-- KEYS: lease, waiters, held. ARGV: holder, upload, prefix of channels, '1' to keep it in `held`, as abandoned
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return end
if ARGV[4] ~= '1' then redis.call('SREM', KEYS[3], ARGV[2]) end
for _, node in ipairs(redis.call('SMEMBERS', KEYS[2])) do
  redis.call('PUBLISH', ARGV[3] .. node, 'free ' .. ARGV[2])
end
redis.call('DEL', KEYS[1], KEYS[2])
"""


_ABANDONED = """
-- KEYS: held. ARGV: prefix of the leases' keys
local abandoned = {}
for _, id in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  if redis.call('EXISTS', ARGV[1] .. id) == 0 then table.insert(abandoned, id) end
end
return abandoned
"""


class RedisLocker(SharedLocker):
    """A locker with leases in the Redis at `url`, under keys that begin with `prefix`. A lease expires `ttl` seconds
    after it was last renewed.

    One connection listens for requests to release locks and for releases, from the first hold until `aclose`. It is
    reopened when it is lost, or when Redis answers no PING on it.
    """

    retry_seconds = 0.25

    def __init__(self, url: str, ttl: float, prefix: str = PREFIX) -> None:
        super().__init__(ttl)
        self._keys = Keys(prefix)
        self._milliseconds = round(ttl * 1000)
        self._node = secrets.token_hex(8)
        self._redis: Any = connect(url)  # its stubs also cover blocking clients
        self._take_script = self._redis.register_script(_TAKE)
        self._renew_script = self._redis.register_script(_RENEW)
        self._drop_script = self._redis.register_script(_DROP)
        self._abandoned_script = self._redis.register_script(_ABANDONED)
        self._listener: asyncio.Task[None] | None = None

    async def aclose(self) -> None:
        await super().aclose()
        await end(self._listener)
        await self._redis.aclose()

    async def abandoned(self) -> Collection[UploadId]:
        with unavailable_on_error():
            ids = await self._abandoned_script(keys=[self._keys.held_ids], args=[self._keys.lease])
        return [UploadId(upload_id) for upload_id in ids]

    async def _take(self, lease: TimedLease, *, ask: bool) -> bool:
        if self._listener is None:
            self._listener = asyncio.create_task(self._listen(), name="lease listener")
        args = (self._holder(lease), self._milliseconds, lease.upload_id, self._keys.channel, self._node if ask else "")
        with unavailable_on_error():
            result = await self._take_script(keys=self._lock_keys(lease), args=args)
        lease.abandoned = result == _NEVER_RELEASED
        return bool(result)

    async def _renew(self, leases: Sequence[TimedLease]) -> Collection[str]:
        holders = {self._holder(lease): lease.token for lease in leases}
        keys = [self._keys.lease + lease.upload_id for lease in leases]
        with unavailable_on_error():
            renewed = await self._renew_script(keys=keys, args=[self._milliseconds, *holders])
        return {holders[holder] for holder in renewed}

    async def _drop(self, lease: TimedLease, *, abandoned: bool) -> None:
        args = (self._holder(lease), lease.upload_id, self._keys.channel, int(abandoned))
        with unavailable_on_error():
            await self._drop_script(keys=self._lock_keys(lease), args=args)

    async def _release_requests(self) -> Collection[str]:
        return ()  # they arrive as messages

    async def _listen(self) -> None:
        while True:
            with suppress(RedisError, OSError, UnicodeDecodeError):  # other clients may send any bytes
                async with self._redis.pubsub(ignore_subscribe_messages=False) as messages:
                    await messages.subscribe(self._keys.channel + self._node)
                    while True:
                        self._handle(await next_message(messages))
            await asyncio.sleep(_RECONNECT_SECONDS)

    def _handle(self, message: Mapping[str, Any]) -> None:
        """Handle a message: `leave UPLOAD HOLDER` asks that holder to release the lock, `free UPLOAD` tells a waiter
        that the lock was released; any other message is ignored."""
        match message["data"].split(" ") if message["type"] == "message" else []:
            case ["free", upload_id] if lease := self._leases.get(UploadId(upload_id)):
                lease.freed.set()
            case ["leave", upload_id, holder] if lease := self._leases.get(UploadId(upload_id)):
                if holder == self._holder(lease):
                    lease.request_release()

    def _holder(self, lease: TimedLease) -> str:
        return f"{self._node}/{lease.token}"

    def _lock_keys(self, lease: TimedLease) -> Sequence[str]:
        return [self._keys.lease + lease.upload_id, self._keys.waiters + lease.upload_id, self._keys.held_ids]
