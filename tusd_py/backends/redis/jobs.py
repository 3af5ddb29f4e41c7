"""The records of jobs in Redis."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from operator import attrgetter
from typing import Any

from tusd_py.backends.redis import job_scripts as scripts
from tusd_py.backends.redis.connection import unavailable_on_error
from tusd_py.backends.redis.outbox import row_arguments
from tusd_py.backends.redis.schema import Keys
from tusd_py.backends.redis.scripts import Scripts
from tusd_py.domain.errors import Superseded
from tusd_py.domain.event_json import job_row
from tusd_py.domain.job import Job, JobId, JobPlace
from tusd_py.domain.job_json import advance_job, decode_job, encode_job
from tusd_py.domain.thresholds import DEFAULT
from tusd_py.domain.upload_id import UploadId
from tusd_py.ports.jobs import JobSelection


class RedisJobs:
    """A `JobStore` in Redis, on the connections of the `RedisState`."""

    def __init__(self, redis: Any, keys: Keys, scripts: Scripts, wake: Callable[[], None]) -> None:
        """`wake` is called after each save that may have committed the event of a job's end."""
        self._redis, self._keys, self._scripts = redis, keys, scripts
        self._wake = wake

    async def create(self, job: Job) -> Job:
        created = replace(job, revision=1)
        result = await self._put(created, "")
        return decode_job(result) if isinstance(result, str) else created

    async def load(self, job_id: JobId) -> Job | None:
        with unavailable_on_error():
            document = await self._redis.hget(self._keys.job + job_id, "document")
        return None if document is None else decode_job(document)

    async def revision(self, job_id: JobId) -> int | None:
        with unavailable_on_error():
            revision = await self._redis.hget(self._keys.job + job_id, "revision")
        return None if revision is None else int(revision)

    async def save(self, job: Job) -> Job:
        saved = advance_job(job)
        if await self._put(saved, str(job.revision)) != 1:
            raise Superseded(f"job {job.id} is no longer at revision {job.revision}")
        if saved.ended:
            self._wake()
        return saved

    async def due(self, now: float, limit: int) -> Sequence[Job]:
        return [decode_job(document) for document in await self._scripts.run(scripts.DUE, repr(now), limit)]

    async def list(
        self, selection: JobSelection, after: JobPlace | None, limit: int, size: int = DEFAULT.page_size
    ) -> Sequence[Job]:
        place = ("", "") if after is None else (repr(after[0]), after[1])
        index = "jobs" if selection.upload_id is None else f"upload-jobs:{selection.upload_id}"
        documents = list[str]()
        while None not in place and len(documents) < limit and size > 0:
            *place, page = await self._scripts.run(
                scripts.LIST, index, *place, limit - len(documents), size, _choice(selection)
            )
            documents += page
            size -= sum(map(len, page))
        return [decode_job(document) for document in documents]

    async def recent(self, upload_id: UploadId, limit: int, size: int = DEFAULT.page_size) -> Sequence[Job]:
        documents = await self._scripts.run(scripts.RECENT, upload_id, limit, size)
        return sorted(map(decode_job, documents), key=attrgetter("place"))

    async def prune(self, before: float, limit: int) -> int:
        return int(await self._scripts.run(scripts.PRUNE, repr(before), limit))

    async def _put(self, job: Job, expected: str) -> Any:
        """Write the job and, if this write ends the job, the event of its end; return 1. Unless the stored revision is
        `expected` ('' for no job), write nothing and return the stored document, 0 if no job is stored. The Redis
        client sends the write again after a lost answer; a nonce makes that harmless."""
        due = "" if job.due_at is None else repr(job.due_at)
        ended = repr(job.updated_at) if job.ended else ""
        places = (repr(job.created_at), due, ended, job.upload_id or "")
        event = row_arguments(job_row(job)) if job.ended else ()
        fields = [word for pair in _fields(job).items() for word in pair]
        return await self._scripts.run(scripts.PUT, job.id, expected, secrets.token_hex(8), *places, *event, *fields)


def _fields(job: Job) -> dict[str, str]:
    fields = {
        "revision": str(job.revision),
        "document": encode_job(job),
        "phase": job.phase,
        "kind": job.kind,
        "account": job.account,
        "upload": job.upload_id,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _choice(selection: JobSelection) -> str:
    phases = None if selection.phases is None else sorted(selection.phases)
    choice = {"phases": phases, "kind": selection.kind, "account": selection.account}
    return json.dumps({name: value for name, value in choice.items() if value is not None})
