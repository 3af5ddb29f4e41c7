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

from tusd_py.locking.lease import TimedLease
from tusd_py.locking.shared import SharedLocker, end
from tusd_py.model import UploadId
from tusd_py.redis_client import connect, unavailable_on_trouble

_PREFIX = "tusd-py:"
_LEASE = f"{_PREFIX}lease:"
_WAITERS = f"{_PREFIX}waiters:"
_MARK = f"{_PREFIX}held:"
"""There from the taking of a lease until it is given back: outlives a lease whose holder died."""
_MARKED_MILLISECONDS = 7 * 86_400_000
_ABANDONED = 2
_NODE = f"{_PREFIX}node:"
_RECONNECT_SECONDS = 0.2
_SILENCE_SECONDS = 5.0
"""How long the listener reads before it makes sure that Redis is still there."""

_TAKE = """
-- KEYS: lease, waiters, mark. ARGV: holder, TTL in ms, upload, channels, node that asks the holder to leave ('' for
-- none), how long a mark is kept in ms. Returns 0 if another holds it, 2 if the last holder never gave it back, else 1.
local holder = redis.call('GET', KEYS[1])
if not holder or holder == ARGV[1] then
  local marked = redis.call('GET', KEYS[3])
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  redis.call('SET', KEYS[3], ARGV[1], 'PX', ARGV[6])
  if marked and marked ~= ARGV[1] then return 2 end
  return 1
end
if ARGV[5] ~= '' then
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
-- KEYS: lease, waiters, mark. ARGV: holder, upload, channels, '1' if the mark stays
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return end
if ARGV[4] ~= '1' then redis.call('DEL', KEYS[3]) end
for _, node in ipairs(redis.call('SMEMBERS', KEYS[2])) do
  redis.call('PUBLISH', ARGV[3] .. node, 'free ' .. ARGV[2])
end
redis.call('DEL', KEYS[1], KEYS[2])
"""


class RedisLocker(SharedLocker):
    """Leases in the Redis at `url`. `ttl` in seconds replaces a holder that died.

    One connection listens from the first hold until `aclose`, and comes back when it was lost.
    """

    retry_seconds = 0.25

    def __init__(self, url: str, ttl: float) -> None:
        super().__init__(ttl)
        self._milliseconds = round(ttl * 1000)
        self._node = secrets.token_hex(8)
        self._redis: Any = connect(url)  # its stubs answer for blocking clients as well
        self._take_script = self._redis.register_script(_TAKE)
        self._renew_script = self._redis.register_script(_RENEW)
        self._drop_script = self._redis.register_script(_DROP)
        self._listener: asyncio.Task[None] | None = None

    async def aclose(self) -> None:
        await super().aclose()
        await end(self._listener)
        await self._redis.aclose()

    async def _take(self, lease: TimedLease, *, ask: bool) -> bool:
        if self._listener is None:
            self._listener = asyncio.create_task(self._hear(), name="lease listener")
        asking = self._node if ask else ""
        args = (self._holder(lease), self._milliseconds, lease.upload_id, _NODE, asking, _MARKED_MILLISECONDS)
        with unavailable_on_trouble():
            taken = await self._take_script(keys=_keys(lease), args=args)
        lease.abandoned = taken == _ABANDONED
        return bool(taken)

    async def _renew(self, leases: Sequence[TimedLease]) -> Collection[str]:
        holders = {self._holder(lease): lease.token for lease in leases}
        keys = [_LEASE + lease.upload_id for lease in leases]
        with unavailable_on_trouble():
            kept = await self._renew_script(keys=keys, args=[self._milliseconds, *holders])
        return {holders[holder] for holder in kept}

    async def _drop(self, lease: TimedLease, *, abandoned: bool) -> None:
        args = (self._holder(lease), lease.upload_id, _NODE, int(abandoned))
        with unavailable_on_trouble():
            await self._drop_script(keys=_keys(lease), args=args)

    async def _asked(self) -> Collection[str]:
        return ()  # it comes as a message

    async def _hear(self) -> None:
        while True:
            with suppress(RedisError, OSError):
                async with self._redis.pubsub(ignore_subscribe_messages=True) as messages:
                    await messages.subscribe(_NODE + self._node)
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


def _keys(lease: TimedLease) -> Sequence[str]:
    return [_LEASE + lease.upload_id, _WAITERS + lease.upload_id, _MARK + lease.upload_id]
