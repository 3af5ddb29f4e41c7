"""The state store of many nodes: Redis or Valkey.

An upload is a hash and a list; four sorted sets hold the uploads by id, by due time, by the number of their last event,
and the claims of the unfinished ones (`schema`). A script uses all of them, so a single primary is assumed (with
replicas, not a cluster). Acknowledged writes are as durable as Redis is configured to be: offsets survive its crash
with `appendonly yes` and `appendfsync always`, and `maxmemory-policy noeviction` prevents it from evicting uploads.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

from redis.exceptions import NoPermissionError

from tusd_py.backends.redis.charging import (
    RedisAccounts,
    charge_text,
    names_of,
    refusal_of,
    terms_of_creation,
    terms_of_save,
)
from tusd_py.backends.redis.connection import connect, public_name, unavailable_on_error
from tusd_py.backends.redis.jobs import RedisJobs
from tusd_py.backends.redis.numbers import RedisNumbers
from tusd_py.backends.redis.outbox import RedisOutbox, event_arguments
from tusd_py.backends.redis.schema import PREFIX, Keys
from tusd_py.backends.redis.scripts import Scripts
from tusd_py.backends.redis.state_scripts import DELETE, LIST, PUT
from tusd_py.backends.redis.unfinished import Recount, claim_of
from tusd_py.domain.checkpoint import Entry
from tusd_py.domain.copying import copy_with
from tusd_py.domain.errors import Superseded
from tusd_py.domain.events import Event
from tusd_py.domain.installation import Installation
from tusd_py.domain.principal import Grant, Quota
from tusd_py.domain.record_json import (
    advance,
    decode,
    decode_entry,
    decode_installation,
    encode,
    encode_entry,
    encode_installation,
)
from tusd_py.domain.space import Space, reserve_of
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.domain.usage import Usage
from tusd_py.ports.state import Numbered, Unfinished


class RedisState:
    """A `StateStore` in the Redis at `url`, in keys that begin with `prefix`.

    Its connections are opened when first needed, and reopened when lost.
    """

    def __init__(self, url: str, prefix: str = PREFIX) -> None:
        self._name = public_name(url)
        self._keys = Keys(prefix)
        self._redis: Any = connect(url)  # its stubs also cover blocking clients
        self._put_script = self._redis.register_script(PUT)
        self._delete_script = self._redis.register_script(DELETE)
        self._list_script = self._redis.register_script(LIST)
        scripts = Scripts(self._redis, prefix)
        self.outbox = RedisOutbox(self._redis, self._keys, scripts)
        self.jobs = RedisJobs(self._redis, self._keys, scripts, self.outbox.wake)
        self._numbers = RedisNumbers(scripts)
        self._accounts = RedisAccounts(self._redis, self._keys)
        self._recount = Recount(self._redis, self.list, self._keys)

    @property
    def name(self) -> str:
        return self._name

    async def create(
        self,
        upload: Upload,
        entries: Sequence[Entry] = (),
        events: Sequence[Event] = (),
        *,
        quota: Quota | None = None,
        grant: Grant | None = None,
    ) -> Upload:
        created = copy_with(upload, revision=1)
        if not await self._put(created, "", entries, events, terms=terms_of_creation(upload, quota, grant)):
            raise ValueError(f"upload {upload.id} exists")
        return created

    async def load(self, upload_id: UploadId) -> Upload | None:
        with unavailable_on_error():
            document = await self._redis.hget(self._keys.upload + upload_id, "document")
        return None if document is None else decode(document)

    async def resolve(self, name: str) -> UploadId | None:
        if name.startswith("/"):  # see `names_of`
            return None
        with unavailable_on_error():
            upload_id = await self._redis.hget(self._keys.names, name)
        return None if upload_id is None else UploadId(upload_id)

    async def save(
        self,
        upload: Upload,
        added: Sequence[Entry] = (),
        events: Sequence[Event] = (),
        *,
        quota: Quota | None = None,
        refund: Grant | None = None,
    ) -> Upload:
        saved = advance(upload)
        if not await self._put(saved, str(upload.revision), added, events, terms=terms_of_save(quota, refund)):
            raise _superseded(upload)
        return saved

    async def rewind(self, upload: Upload, entries: Sequence[Entry], events: Sequence[Event] = ()) -> Upload:
        saved = advance(upload)
        if not await self._put(saved, str(upload.revision), entries, events, rewound=True):
            raise _superseded(upload)
        return saved

    async def entries(self, upload_id: UploadId) -> Sequence[Entry]:
        with unavailable_on_error():
            entries = await self._redis.lrange(self._keys.entries + upload_id, 0, -1)
        return [decode_entry(entry) for entry in entries]

    async def delete(self, upload: Upload) -> None:
        with unavailable_on_error():
            arguments: list[Any] = [upload.id, upload.revision, self._keys.prefix, *names_of(upload)]
            deleted = await self._delete_script(keys=self._upload_keys(upload.id), args=arguments)
        if not deleted:
            raise _superseded(upload)

    async def numbered(self, upload_id: UploadId) -> Numbered | None:
        return await self._numbers.numbered(upload_id)

    async def changed(self, since: int, limit: int) -> Sequence[Numbered]:
        return await self._numbers.changed(since, limit)

    async def due(self, now: float, limit: int) -> Sequence[UploadId]:
        with unavailable_on_error():
            ids = await self._redis.zrangebyscore(self._keys.due, "-inf", now, start=0, num=limit)
        return [UploadId(upload_id) for upload_id in ids]

    async def list(self, after: UploadId | None, limit: int) -> Sequence[Upload]:
        lower = "-" if after is None else f"({after}"
        with unavailable_on_error():
            documents = await self._list_script(keys=[self._keys.ids], args=[lower, limit, self._keys.upload])
        return [decode(document) for document in documents]

    async def installation(self) -> Installation | None:
        with unavailable_on_error():
            return decode_installation(await self._redis.get(self._keys.installation))

    async def install(self, installation: Installation) -> Installation:
        with unavailable_on_error():
            await self._redis.set(self._keys.installation, encode_installation(installation), nx=True)
        return await self.installation() or installation

    async def reinstall(self, installation: Installation) -> None:
        with unavailable_on_error():
            await self._redis.set(self._keys.installation, encode_installation(installation))

    async def ping(self) -> None:
        with unavailable_on_error():
            await self._redis.delete(self._keys.ping)  # a write that a full Redis accepts, as it accepts saves

    async def space(self) -> Space | None:
        """Return the free memory; None without a limit, if INFO is forbidden, or if Redis evicts keys."""
        with unavailable_on_error():
            try:
                info = await self._redis.info("memory")
            except NoPermissionError:
                return None
        limit = info["maxmemory"]
        if not limit or info["maxmemory_policy"] != "noeviction":
            return None
        used = info["used_memory"] - info.get("mem_not_counted_for_evict", 0)
        return Space(free=max(0, limit - used), reserve=reserve_of(limit))

    async def unfinished(self) -> Unfinished:
        """Return the number of unfinished uploads and the sum of their claims. Until this process has recounted
        all uploads, each call first recounts one page of them, unless another call is doing that at the moment.
        """
        with unavailable_on_error():
            await self._recount.proceed()
            async with self._redis.pipeline(transaction=False) as pipeline:
                count, claimed = await pipeline.zcard(self._keys.unfinished).get(self._keys.claimed).execute()
        return Unfinished(count=count, claimed=int((claimed or "0").partition(".")[0]))

    async def usage(self, account: str) -> Usage:
        return await self._accounts.usage(account)

    async def usages(self, after: str | None, limit: int) -> Sequence[Usage]:
        return await self._accounts.usages(after, limit)

    async def recount(self) -> int:
        recount = Recount(self._redis, self.list, self._keys)
        with unavailable_on_error():
            while not recount.finished:
                await recount.proceed()
        return recount.changed

    async def aclose(self) -> None:
        await self._redis.aclose()

    async def _put(
        self,
        upload: Upload,
        expected: str,
        added: Sequence[Entry],
        events: Sequence[Event],
        *,
        rewound: bool = False,
        terms: str = "",
    ) -> bool:
        """Write the record, entries and events; return False if the stored revision isn't `expected` ('' for no
        record).

        With `rewound`, `added` replaces the stored entries. `terms` is the JSON of `terms_of_creation` or
        `terms_of_save`: names, quota and grant, by which NameTaken, OverQuota and TokenUsedUp are raised.
        """
        document = encode(upload)
        record = self._record_arguments(upload, document, expected, terms, rewound=rewound)
        rows = event_arguments(events, upload, document)
        arguments: list[Any] = [*record, len(events), *rows, *map(encode_entry, added)]
        with unavailable_on_error():
            result = await self._put_script(keys=self._upload_keys(upload.id), args=arguments)
        if isinstance(result, str):
            raise refusal_of(result)
        if result and events:
            self.outbox.wake()
        return bool(result)

    def _record_arguments(
        self, upload: Upload, document: str, expected: str, terms: str, *, rewound: bool
    ) -> Sequence[Any]:
        """Return the arguments before those of events and entries with which the Lua script `PUT` writes the record of
        the upload, whose JSON is `document`. The Redis client sends them again after a lost answer; a nonce among them
        makes that harmless."""
        due = "" if upload.due_at is None else repr(upload.due_at)
        return (
            *(upload.id, expected, upload.revision, secrets.token_hex(8)),
            *(document, due, claim_of(upload), int(rewound), self._keys.prefix),
            *(charge_text(upload), terms),
        )

    def _upload_keys(self, upload_id: UploadId) -> Sequence[str]:
        keys = self._keys
        one = (keys.upload + upload_id, keys.entries + upload_id)
        return [*one, keys.ids, keys.due, keys.unfinished, keys.claimed]


def _superseded(upload: Upload) -> Superseded:
    return Superseded(f"upload {upload.id} is no longer at revision {upload.revision}")
