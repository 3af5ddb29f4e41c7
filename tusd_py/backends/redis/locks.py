"""Turns among many nodes, in Redis or Valkey.

A lease is a key that expires; its value is the holder, `node/token`. Each node listens on a channel of its own, where
waiters ask it to leave and holders tell it that an upload is free. Messages may get lost, so waiters also try again by
themselves. A single primary is assumed: after a failover two nodes may think they hold an upload for a while, which
costs time but no bytes.
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
from tusd_py.backends.redis.connection import PREFIX, connect, unavailable_on_trouble
from tusd_py.domain.upload import UploadId
from tusd_py.tasks import end

_NEVER_GIVEN_BACK = 2
"""What the script says of a lease whose last holder died."""
_RECONNECT_SECONDS = 0.2
_SILENCE_SECONDS = 5.0
"""How long the listener reads before it makes sure that Redis is still there."""

_TAKE = """
-- KEYS: lease, waiters, held
-- ARGV: holder, TTL in ms, upload, channels, node that asks the holder to leave ('' for none)
-- Returns 0 if another holds it, 2 if the last holder never gave it back, else 1.
local holder = redis.call('GET', KEYS[1])
if not holder or holder == ARGV[1] then
  redis.call('DEL', KEYS[1]) -- a script that began with what frees goes on when memory is full
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  if redis.call('SADD', KEYS[3], ARGV[3]) == 0 then return 2 end -- or a repeat, whose first answer nobody knows
  return 1
end
if ARGV[5] ~= '' then
  redis.call('SREM', KEYS[2], ARGV[5]) -- the same
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
-- KEYS: lease, waiters, held. ARGV: holder, upload, channels, '1' if it stays among the held
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
    """Leases in the Redis at `url`, in keys that begin with `prefix`. `ttl` in seconds replaces a holder that died.

    One connection listens from the first hold until `aclose`, and comes back when it was lost.
    """

    retry_seconds = 0.25

    def __init__(self, url: str, ttl: float, prefix: str = PREFIX) -> None:
        super().__init__(ttl)
        self._lease, self._waiters, self._channel = (f"{prefix}{name}:" for name in ("lease", "waiters", "node"))
        self._held = f"{prefix}held"
        self._milliseconds = round(ttl * 1000)
        self._node = secrets.token_hex(8)
        self._redis: Any = connect(url)  # its stubs answer for blocking clients as well
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
        with unavailable_on_trouble():
            return [UploadId(each) for each in await self._abandoned_script(keys=[self._held], args=[self._lease])]

    async def _take(self, lease: TimedLease, *, ask: bool) -> bool:
        if self._listener is None:
            self._listener = asyncio.create_task(self._hear(), name="lease listener")
        args = (self._holder(lease), self._milliseconds, lease.upload_id, self._channel, self._node if ask else "")
        with unavailable_on_trouble():
            taken = await self._take_script(keys=self._keys(lease), args=args)
        lease.abandoned = taken == _NEVER_GIVEN_BACK
        return bool(taken)

    async def _renew(self, leases: Sequence[TimedLease]) -> Collection[str]:
        holders = {self._holder(lease): lease.token for lease in leases}
        keys = [self._lease + lease.upload_id for lease in leases]
        with unavailable_on_trouble():
            kept = await self._renew_script(keys=keys, args=[self._milliseconds, *holders])
        return {holders[holder] for holder in kept}

    async def _drop(self, lease: TimedLease, *, abandoned: bool) -> None:
        args = (self._holder(lease), lease.upload_id, self._channel, int(abandoned))
        with unavailable_on_trouble():
            await self._drop_script(keys=self._keys(lease), args=args)

    async def _asked(self) -> Collection[str]:
        return ()  # it comes as a message

    async def _hear(self) -> None:
        while True:
            with suppress(RedisError, OSError):
                async with self._redis.pubsub(ignore_subscribe_messages=True) as messages:
                    await messages.subscribe(self._channel + self._node)
                    while True:
                        self._obey(await messages.get_message(timeout=_SILENCE_SECONDS))
            await asyncio.sleep(_RECONNECT_SECONDS)

    def _obey(self, message: Mapping[str, str] | None) -> None:
        """`leave UPLOAD HOLDER` or `free UPLOAD`; None after a silence."""
        word, upload_id, *holder = message["data"].split(" ") if message else ("", "")
        lease = self._leases.get(UploadId(upload_id))
        if lease is None:
            return
        if word == "free":
            lease.freed.set()
        elif holder == [self._holder(lease)]:
            lease.ask()

    def _holder(self, lease: TimedLease) -> str:
        return f"{self._node}/{lease.token}"

    def _keys(self, lease: TimedLease) -> Sequence[str]:
        return [self._lease + lease.upload_id, self._waiters + lease.upload_id, self._held]
