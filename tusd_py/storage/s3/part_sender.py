"""Full parts, sent to S3 several at a time."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from typing import TypeVar

from tusd_py.domain.copying import copy_with
from tusd_py.domain.upload import Upload
from tusd_py.storage.s3.bucket import Bucket
from tusd_py.storage.s3.checkpoint_chain import CheckpointChain, Work
from tusd_py.storage.s3.cursor import Part, S3Cursor
from tusd_py.storage.s3.keys import info_key
from tusd_py.storage.s3.pieces import Assembly
from tusd_py.transfer.budget import Account

T = TypeVar("T")


class PartSender:
    """Sends the parts of one writer, at most `concurrency` at a time; tells the writer's account of the memory budget
    when bytes are sent."""

    def __init__(
        self, bucket: Bucket, upload: Upload, chain: CheckpointChain, account: Account, tasks: asyncio.TaskGroup
    ) -> None:
        self._bucket, self._upload, self._chain = bucket, upload, chain
        self._account, self._tasks = account, tasks
        self._slots = asyncio.Semaphore(bucket.options.concurrency)
        self._verified = asyncio.Event()
        self._multipart = _resolved(chain.cursor.multipart)
        self._info_lock = asyncio.Lock()
        self._key_tells_id = upload.key_tells_id

    @property
    def has_multipart(self) -> bool:
        """True once the multipart upload exists or is being created."""
        return self._multipart is not None

    def allow(self) -> None:
        """Let parts be sent; until the first call they wait, as their bytes may be wrong: of two parts with one number
        S3 keeps the last, and one with wrong bytes could arrive after the right one."""
        self._verified.set()

    async def reserve(self) -> None:
        """Wait for a slot for another part. If none is free, first call `allow`: the parts in the slots may wait
        for that call.
        """
        if self._slots.locked():
            self.allow()
        await self._slots.acquire()

    def send(self, number: int, part: Assembly, end: int) -> None:
        """Begin to send part `number`, which ends at offset `end`, and to record it. The caller has awaited
        `reserve` for it."""
        multipart = self._multipart or self._begin_multipart()
        self._chain.follow(
            partial(self._upload_part, multipart, number, part),
            lambda s3_part: self._chain.reach(end, added=(s3_part.to_entry(),), tail=()),
        )

    def send_object(self, part: Assembly, end: int) -> None:
        """Begin to send all of the upload, which ends at offset `end`, as one object, and then record it."""
        put = partial(self._bucket.put_object, self._upload, self._chain.cursor.key, part)
        self._chain.follow(partial(self._sending, part, put), partial(self._chain.reach_object, end))

    async def save_info(self) -> None:
        """Store the info object if the upload is to have one and has none yet; the next checkpoint names it.

        To be called before a segment is stored and, if the key alone tells the upload's id, before the multipart upload
        is created.
        """
        async with self._info_lock:
            if (self._bucket.options.info_objects or not self._key_tells_id) and self._chain.cursor.info is None:
                await self._put_info(self._chain.cursor)

    async def _put_info(self, cursor: S3Cursor) -> None:
        key = info_key(self._bucket.options.prefix, self._upload.id)
        stored = await self._bucket.put_info(copy_with(self._upload, cursor=cursor.dump()), key)
        self._chain.note_trouble(troubled=stored.troubled)
        self._chain.name_info(key)

    async def _upload_part(self, multipart: asyncio.Future[str], number: int, part: Assembly) -> Part:
        try:
            await self._verified.wait()
            return await self._sending(part, partial(self._put_part, multipart, number, part))
        finally:
            self._slots.release()

    async def _put_part(self, multipart: asyncio.Future[str], number: int, part: Assembly) -> Part:
        return await self._bucket.upload_part(self._chain.cursor.key, await multipart, number, part)

    def _begin_multipart(self) -> asyncio.Future[str]:
        """Begin to create the multipart upload, and to record it once it exists and all earlier checkpoints are
        recorded: the removal of the upload then aborts it.

        Return the future of its UploadId.
        """
        self._multipart = creation = self._tasks.create_task(self._create_multipart())
        self._chain.follow(
            lambda: creation, lambda multipart: self._chain.reach(self._chain.offset, multipart=multipart)
        )
        return creation

    async def _create_multipart(self) -> str:
        """Create the multipart upload; return its UploadId. Before that, store the info object if the upload is to have
        one (`save_info`); but if a hook or a credential chose or prefixed the key, store it afterwards, with the
        UploadId in it, as a listing doesn't show whose multipart upload has such a key."""
        if self._key_tells_id:
            await self.save_info()
        created = await self._bucket.create_multipart(self._upload, self._chain.cursor.key)
        self._chain.note_trouble(troubled=created.troubled)
        if not self._key_tells_id:
            async with self._info_lock:
                await self._put_info(replace(self._chain.cursor, multipart=created.multipart))
        return created.multipart

    async def _sending(self, part: Assembly, work: Work[T]) -> T:
        """Return the result of the work, which sends the part. The account of the memory budget counts the
        part's bytes in memory as being sent meanwhile, and no longer holds them once S3 has them.
        """
        size = part.memory_size
        self._account.sending(size)
        try:
            result = await work()
        finally:
            self._account.sending(-size)
        self._account.release(size)
        return result


def _resolved(multipart: str | None) -> asyncio.Future[str] | None:
    if multipart is None:
        return None
    future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    future.set_result(multipart)
    return future
