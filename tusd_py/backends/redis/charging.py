"""The names and charges of uploads and the uses of grants in Redis, changed by the scripts that change an upload.

Nodes of earlier versions save an upload without changing its charge; a recount, or a newer node's save, corrects it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from math import ceil
from typing import Any

from tusd_py.backends.redis.connection import unavailable_on_error
from tusd_py.backends.redis.schema import Keys
from tusd_py.domain.access_refusals import TokenUsedUp
from tusd_py.domain.principal import Grant, Quota
from tusd_py.domain.refusals import NameTaken, Refusal
from tusd_py.domain.upload import Upload
from tusd_py.domain.usage import Usage, charge_of, over_bytes, over_uploads

CHARGE = """
-- A charge is 'STORED:RESERVED:ACCOUNT', or '' for none. RESERVED is '' unless the upload is unfinished, ACCOUNT is ''
-- if a final upload has taken it over.
local function read(charge)
  local stored, reserved, account = string.match(charge or '', '^(%d*):(%d*):(.*)$')
  return {
    stored = tonumber(stored) or 0, reserved = tonumber(reserved) or 0,
    uploads = (reserved or '') == '' and 0 or 1, account = account or ''
  }
end

local function add(prefix, charge, sign)
  if charge.account == '' then return end
  local key, left = prefix .. 'usage:' .. charge.account, false
  for _, field in ipairs({'stored', 'reserved', 'uploads'}) do
    local sum = redis.call('HINCRBYFLOAT', key, field, string.format('%.0f', sign * charge[field]))
    left = left or tonumber(sum) ~= 0
  end
  if left then
    redis.call('ZADD', prefix .. 'accounts', 0, charge.account)
  else
    redis.call('DEL', key)
    redis.call('ZREM', prefix .. 'accounts', charge.account)
  end
end

-- Changes the charge of an upload, whose account stays. Returns the number of charges that were changed.
local function charge(prefix, id, now)
  local before = redis.call('HGET', prefix .. 'charges', id) or ''
  if before ~= '' and now ~= '' then now = string.match(now, '^%d*:%d*:') .. read(before).account end
  if before == now then return 0 end
  if now == '' then
    redis.call('HDEL', prefix .. 'charges', id)
  else
    redis.call('HSET', prefix .. 'charges', id, now)
  end
  add(prefix, read(now), 1)
  add(prefix, read(before), -1)
  return 1
end
"""

TERMS = """
-- The terms of a change are JSON, or '' for none: names, max_bytes, max_uploads, grant, refund, partials.
local function freed(prefix, account, partials)
  local sum = {stored = 0, reserved = 0, uploads = 0}
  for _, id in ipairs(partials or {}) do
    local its = read(redis.call('HGET', prefix .. 'charges', id))
    if its.account == account then sum.stored = sum.stored + its.stored + its.reserved end
  end
  return sum
end

-- Returns the reason against the change (REFUSALS), nil for none
local function refusal(prefix, id, is_new, now, terms)
  for _, name in ipairs(terms.names or {}) do
    local named = redis.call('HGET', prefix .. 'names', name)
    if named and redis.call('EXISTS', prefix .. 'upload:' .. named) == 1 then return 'name' end
  end
  if terms.grant then
    local uses = tonumber(redis.call('GET', prefix .. 'grant:' .. terms.grant.jti) or 0)
    if uses >= terms.grant.max_uses then return 'grant' end
  end
  if not (terms.max_bytes or terms.max_uploads) then return end
  local new, old = read(now), read(redis.call('HGET', prefix .. 'charges', id))
  if is_new then old = freed(prefix, new.account, terms.partials) elseif old.account == '' then return end
  local usage = redis.call('HMGET', prefix .. 'usage:' .. new.account, 'stored', 'reserved', 'uploads')
  local bytes, uploads = (tonumber(usage[1]) or 0) + (tonumber(usage[2]) or 0), tonumber(usage[3]) or 0
  local growth = new.stored + new.reserved - old.stored - old.reserved
  if terms.max_bytes and growth > 0 and bytes + growth > terms.max_bytes then return 'bytes' end
  if terms.max_uploads and new.uploads > old.uploads and uploads >= terms.max_uploads then return 'uploads' end
end

local function apply(prefix, id, terms)
  for _, name in ipairs(terms.names or {}) do redis.call('HSET', prefix .. 'names', name, id) end
  if terms.grant then
    redis.call('INCR', prefix .. 'grant:' .. terms.grant.jti)
    redis.call('EXPIREAT', prefix .. 'grant:' .. terms.grant.jti, terms.grant.forgotten_at)
  end
  local refunded = terms.refund and prefix .. 'grant:' .. terms.refund
  if refunded and tonumber(redis.call('GET', refunded) or 0) > 0 then redis.call('DECR', refunded) end
  for _, partial in ipairs(terms.partials or {}) do
    local before = redis.call('HGET', prefix .. 'charges', partial)
    if before then
      redis.call('HSET', prefix .. 'charges', partial, string.match(before, '^%d*:%d*:'))
      add(prefix, read(before), -1)
    end
  end
end

local function free_name(prefix, id, name)
  if redis.call('HGET', prefix .. 'names', name) == id then redis.call('HDEL', prefix .. 'names', name) end
end
"""

_REFUSALS: Mapping[str, Callable[[], Refusal]] = {
    "name": NameTaken,
    "grant": TokenUsedUp,
    "bytes": over_bytes,
    "uploads": over_uploads,
}


def refusal_of(reason: str) -> Refusal:
    """Return the refusal for the reason that a script returned against a change: NameTaken for `name`, TokenUsedUp for
    `grant`, OverQuota for `bytes` and `uploads`."""
    return _REFUSALS[reason]()


def charge_text(upload: Upload) -> str:
    """Return the charge of the upload as an argument of the scripts, `STORED:RESERVED:ACCOUNT`: two numbers of bytes,
    RESERVED empty unless the upload is unfinished, and the account's name."""
    stored, reserved = charge_of(upload)
    return f"{stored}:{'' if reserved is None else reserved}:{upload.account.name}"


def names_of(upload: Upload) -> Sequence[str]:
    """Return the names that no other upload may have: the name that stands for the id in the upload's URL, if there is
    one; and, if a hook or a credential chose the object's key, a slash and `Upload.claimed_key`, which is that key,
    after its bucket if a hook chose the bucket, too. No upload's name begins with a slash."""
    key = upload.claimed_key
    return [*filter(None, [upload.name]), *([] if key is None else [f"/{key}"])]


def terms_of_creation(upload: Upload, quota: Quota | None, grant: Grant | None) -> str:
    """Return the terms of an upload's creation as an argument of the scripts: JSON of the names that must be free, the
    quota, the grant of which a use is counted, and the partial uploads whose charges are taken over; '' if there are
    none of these."""
    granted = None
    if grant is not None:
        granted = {"jti": grant.jti, "max_uses": grant.max_uses, "forgotten_at": ceil(grant.forgotten_at)}
    return _terms(quota, names=names_of(upload), grant=granted, partials=sorted(set(upload.partials)))


def terms_of_save(quota: Quota | None, refund: Grant | None) -> str:
    """Return the terms of a save (quota, grant of which a use is taken back) as an argument of the scripts: JSON, or ''
    for none."""
    return _terms(quota, refund=None if refund is None else refund.jti)


def _terms(quota: Quota | None, **terms: object) -> str:
    if quota is not None:
        terms |= {"max_bytes": quota.max_bytes, "max_uploads": quota.max_uploads}
    stated = {name: term for name, term in terms.items() if term is not None and term != []}
    return json.dumps(stated) if stated else ""


class RedisAccounts:
    """A reader of the usage of accounts, on the connections of the `RedisState`."""

    def __init__(self, redis: Any, keys: Keys) -> None:
        self._redis, self._keys = redis, keys

    async def usage(self, account: str) -> Usage:
        return (await self._read([account]))[0]

    async def usages(self, after: str | None, limit: int) -> Sequence[Usage]:
        lower = "-" if after is None else f"({after}"
        with unavailable_on_error():
            accounts = await self._redis.zrangebylex(self._keys.accounts, lower, "+", start=0, num=limit)
        return await self._read(accounts)

    async def _read(self, accounts: Sequence[str]) -> Sequence[Usage]:
        with unavailable_on_error():
            async with self._redis.pipeline(transaction=False) as pipeline:
                for account in accounts:
                    pipeline.hmget(self._keys.usage + account, "stored", "reserved", "uploads")
                rows = await pipeline.execute()
        return [_usage(account, row) for account, row in zip(accounts, rows, strict=True)]


def _usage(account: str, row: Sequence[str | None]) -> Usage:
    stored, reserved, uploads = (int((text or "0").partition(".")[0]) for text in row)
    return Usage(account=account, stored=stored, reserved=reserved, uploads=uploads)
