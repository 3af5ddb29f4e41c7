"""The writer to S3: it gathers bytes into parts, sends several at a time, and records them in the order of the bytes.

A part is sent once all of its bytes are known, so that it never idles on the connection and can be sent again. Bytes
too few for a part become a segment if the request ends before the upload does, or if memory gets short. A segment gets
a new key, so that it overwrites none.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from types import TracebackType
from typing import Self

from tusd_py.domain.upload import Upload
from tusd_py.ports.body import Chunk
from tusd_py.ports.locks import Lease
from tusd_py.ports.storage import Record
from tusd_py.storage.s3.bucket import Bucket
from tusd_py.storage.s3.checkpoint_chain import CheckpointChain
from tusd_py.storage.s3.cursor import S3Cursor
from tusd_py.storage.s3.filling_part import FillingPart
from tusd_py.storage.s3.part_sender import PartSender


class S3Writer:
    """The writer of `S3Storage`, from `upload.offset` on; see `ports.storage.Writer`."""

    def __init__(self, bucket: Bucket, upload: Upload, record: Record, lease: Lease, *, unproven: bool) -> None:
        bucket = replace(bucket, client=bucket.client.guarded(lease.check))
        self._upload = upload
        self._tasks = asyncio.TaskGroup()
        self._chain = CheckpointChain(S3Cursor.load(upload.cursor), upload.offset, record, self._tasks)
        self._account = bucket.budget.account(self._spill_soon)
        self._part = FillingPart(bucket, upload, self._chain)
        self._account.adopt(self._part.pieces.memory_size)
        self._sender = PartSender(bucket, upload, self._chain, self._account, self._tasks)
        if not unproven:
            self._sender.allow()
        self._closing = False

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing = True
        try:
            await self._tasks.__aexit__(kind, error, trace)
        except BaseExceptionGroup as group:
            raise group.exceptions[0]  # noqa: B904 (the first failure is the reason; the rest were cancelled with it)
        finally:
            self._account.close()

    @property
    def unsettled(self) -> bool:
        return self._chain.broken or self._part.storing

    async def write(self, chunk: Chunk) -> None:
        await self._account.acquire(len(chunk))
        async with self._part.lock:
            while chunk:
                if self._part.full:
                    await self._send_part()
                chunk = self._part.add(chunk)

    async def flush(self) -> None:
        self._closing = True
        self._sender.allow()
        async with self._part.lock:
            if self._part.position == self._upload.end:
                await self._send_last()
            elif self._part.full:
                await self._send_part()
            elif self._part.pieces.unstored_piece:
                await self._part.store_segment(self._sender.save_info)
        await self._chain.wait()
        self._account.release(self._part.keep())

    async def _send_last(self) -> None:
        """Begin to send the end of the upload: all of it as one object if it fits into the first part and no multipart
        upload was begun, else the last part if that has bytes."""
        if self._part.number == 1 and not self._sender.has_multipart:
            end = self._part.position
            self._sender.send_object(self._part.take(), end)
        elif self._part.pieces.length:
            await self._send_part()

    async def _send_part(self) -> None:
        """Wait for a slot, then begin to send the part being filled, and begin to fill the next part."""
        await self._sender.reserve()
        number, end = self._part.number, self._part.position
        self._sender.send(number, self._part.take(), end)

    def _spill_soon(self) -> None:
        """Begin to store, as a segment, those bytes of the part being filled that are only in memory, and then to free
        the memory of all its bytes; let full parts that are held back be sent. Do nothing once `flush` or the end of
        the writer has begun. The memory budget calls this when memory is short.
        """
        if self._closing:
            return
        self._sender.allow()
        idle = self._account.idle
        spill = self._spill(idle)
        try:
            self._tasks.create_task(spill)
        except RuntimeError:  # one of the tasks has failed: the writer is about to leave, and to free all it holds
            spill.close()
        else:
            self._account.sending(idle)

    async def _spill(self, counted: int) -> None:
        async with self._part.lock:
            if self._part.pieces.unstored_piece:
                await self._part.store_segment(self._sender.save_info)
            freed = self._part.pieces.release_memory()
        self._account.sending(-counted)  # before the release: writers that wait must not count on these bytes twice
        self._account.release(freed)
