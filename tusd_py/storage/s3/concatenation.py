"""A final upload's object, out of the objects of its partials: copied inside S3 wherever S3 allows it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import partial

from tusd_py.domain.upload import Finished, Upload
from tusd_py.storage.s3.api.errors import S3Failure, S3Missing
from tusd_py.storage.s3.api.requests import Payload
from tusd_py.storage.s3.attributes import as_headers, object_params
from tusd_py.storage.s3.concat_plan import PlannedPart, Slice, plan_parts
from tusd_py.storage.s3.cursor import Part, S3Cursor, Stored
from tusd_py.storage.s3.finishing import complete, settle
from tusd_py.storage.s3.reading import read_through
from tusd_py.storage.s3.room import Room


async def concatenate(room: Room, upload: Upload, sources: Sequence[Upload]) -> Finished:
    """Make the object, anew if an earlier attempt didn't get to the end. Raises UploadLost."""
    cursor = S3Cursor.load(upload.cursor)
    job = _Job(room=room, upload=upload, key=cursor.key, sources=sources)
    plan = plan_parts([source.length or 0 for source in sources], room.options.profile, room.thresholds)
    streamed = not plan or (len(plan) == 1 and len(plan[0]) > 1)
    return cursor.made(await (job.put(plan) if streamed else job.multipart(plan)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    room: Room
    upload: Upload
    key: str
    sources: Sequence[Upload]

    async def put(self, plan: Sequence[PlannedPart]) -> Stored:
        """Few bytes in all: one PutObject."""
        headers = as_headers(object_params(self.upload, self.room.options))
        return await self.room.client.put(self.key, self._payload(plan[0] if plan else ()), headers)

    async def multipart(self, plan: Sequence[PlannedPart]) -> Stored:
        begun = await self.room.client.create_multipart(
            self.key, object_params(self.upload, self.room.options), crc=False
        )
        return Stored(etag=await self._made(begun.multipart, plan), troubled=begun.troubled)

    async def _made(self, multipart: str, plan: Sequence[PlannedPart]) -> str:
        """The object's ETag."""
        try:
            parts = await self._parts(multipart, plan)
            return await complete(self.room, self.upload, self.key, multipart, parts)
        except S3Missing as missing:
            return await settle(self.room, self.upload, self.key, missing)
        except BaseException:
            await self.room.client.abort_multipart(self.key, multipart)
            raise

    async def _parts(self, multipart: str, plan: Sequence[PlannedPart]) -> list[Part]:
        slots = asyncio.Semaphore(self.room.options.concurrency)
        try:
            async with asyncio.TaskGroup() as tasks:
                made = [
                    tasks.create_task(self._part(slots, multipart, number, slices))
                    for number, slices in enumerate(plan, start=1)
                ]
        except BaseExceptionGroup as group:
            raise group.exceptions[0]  # noqa: B904 (the first failure is the reason)
        return [task.result() for task in made]

    async def _part(self, slots: asyncio.Semaphore, multipart: str, number: int, slices: PlannedPart) -> Part:
        async with slots:
            if len(slices) == 1:
                return await self._copied(multipart, number, slices[0])
            payload = self._payload(slices)
            etag = await self.room.client.upload_part(self.key, multipart, number, payload, {})
            return Part(number=number, length=payload.length, etag=etag)

    async def _copied(self, multipart: str, number: int, piece: Slice) -> Part:
        """A PutObject of the source that was given up and landed after all may have given its object another ETag."""
        source = self.sources[piece.source]
        cursor = S3Cursor.load(source.cursor)
        copy = partial(self.room.client.copy_part, self.key, multipart, number, cursor.key, piece.span)
        try:
            return await copy(cursor.etag or "")
        except S3Failure as failure:
            if not failure.seems_missing and failure.code != "PreconditionFailed":
                raise
            etag = await settle(self.room, source, cursor.key, failure)
            if etag == cursor.etag:
                raise
            return await copy(etag)

    def _payload(self, slices: PlannedPart) -> Payload:
        async def chunks() -> AsyncIterator[bytes]:
            for piece in slices:
                async for chunk in read_through(self.room, self.sources[piece.source], piece.span):
                    yield chunk

        return Payload(length=sum(map(len, slices)), chunks=chunks, fetched=True)
