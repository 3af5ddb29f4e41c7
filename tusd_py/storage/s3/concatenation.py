"""The object of a final upload, made of the objects of its partial ones: copied inside S3 where S3 allows it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import partial

from tusd_py.domain.checkpoint import Finished
from tusd_py.domain.upload import Upload
from tusd_py.storage.s3.api.errors import S3Error, S3Missing, S3TransientError
from tusd_py.storage.s3.api.requests import Payload
from tusd_py.storage.s3.attributes import as_headers, object_params
from tusd_py.storage.s3.bucket import Bucket
from tusd_py.storage.s3.buckets import Buckets
from tusd_py.storage.s3.concat_plan import PlannedPart, Slice, plan_parts
from tusd_py.storage.s3.cursor import Part, S3Cursor, Source, StoredObject
from tusd_py.storage.s3.finishing import complete, require_etag
from tusd_py.storage.s3.reading import read_through


async def concatenate(buckets: Buckets, upload: Upload, sources: Sequence[Upload]) -> Finished:
    """Create the object of a final upload from its sources, possibly in other buckets. A repeated call begins again.

    Raises UploadLost if a source's object is missing or was replaced by one that isn't the source's, if a part of the
    new multipart upload has vanished or holds other bytes, or if the multipart upload has vanished and there is no
    object.
    """
    bucket, cursor = buckets.of(upload), S3Cursor.load(upload.cursor)
    job = _Job(buckets=buckets, bucket=bucket, upload=upload, key=cursor.key, sources=sources)
    plan = plan_parts([source.length or 0 for source in sources], bucket.options.profile, bucket.thresholds)
    streamed = not plan or (len(plan) == 1 and len(plan[0]) > 1)
    return cursor.to_finished(await (job.put(plan) if streamed else job.multipart(plan)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    buckets: Buckets
    bucket: Bucket
    """The bucket of the upload."""
    upload: Upload
    key: str
    sources: Sequence[Upload]

    async def put(self, plan: Sequence[PlannedPart]) -> StoredObject:
        """Store the object of a plan with no part, or with one part of several slices, by one PutObject. Raises
        UploadLost if a partial upload's object is gone."""
        headers = as_headers(object_params(self.upload, self.bucket.options))
        return await self.bucket.client.put(self.key, self._payload(plan[0] if plan else ()), headers)

    async def multipart(self, plan: Sequence[PlannedPart]) -> StoredObject:
        created = await self.bucket.client.create_multipart(
            self.key, object_params(self.upload, self.bucket.options), crc=False
        )
        return StoredObject(etag=await self._complete(created.multipart, plan), troubled=created.troubled)

    async def _complete(self, multipart: str, plan: Sequence[PlannedPart]) -> str:
        """Fill and complete the multipart upload; return the object's ETag. Raises UploadLost if the multipart upload
        is gone and there is no object. After any other failure, such as UploadLost for a partial upload's object or a
        part that is gone, aborts the multipart upload and raises the failure."""
        try:
            parts = await self._parts(multipart, plan)
            return await complete(self.bucket, self.upload, self.key, multipart, parts)
        except S3Missing as missing:
            return await require_etag(self.bucket, self.upload, self.key, missing)
        except BaseException:
            await self.bucket.client.abort_multipart(self.key, multipart)
            raise

    async def _parts(self, multipart: str, plan: Sequence[PlannedPart]) -> list[Part]:
        slots = asyncio.Semaphore(self.bucket.options.concurrency)
        try:
            async with asyncio.TaskGroup() as tasks:
                jobs = [
                    tasks.create_task(self._part(slots, multipart, number, slices))
                    for number, slices in enumerate(plan, start=1)
                ]
        except BaseExceptionGroup as group:
            raise group.exceptions[0]  # noqa: B904 (the first failure is the reason)
        return [job.result() for job in jobs]

    async def _part(self, slots: asyncio.Semaphore, multipart: str, number: int, slices: PlannedPart) -> Part:
        async with slots:
            if len(slices) == 1:
                return await self._copy(multipart, number, slices[0])
            payload = self._payload(slices)
            etag = await self.bucket.client.upload_part(self.key, multipart, number, payload, {})
            return Part(number=number, length=payload.length, etag=etag)

    async def _copy(self, multipart: str, number: int, piece: Slice) -> Part:
        """Copy the slice inside S3. Raises S3Missing if S3 says that the multipart upload is gone (NoSuchUpload),
        UploadLost if the source's object is gone, S3TransientError if S3 says that this object is missing, though a
        HEAD finds it."""
        try:
            return await self._copy_as_is(multipart, number, piece)
        except S3Missing as missing:
            if missing.code == "NoSuchUpload":
                raise
            raise S3TransientError(missing.operation, missing.status, missing.code) from missing  # the source is there

    async def _copy_as_is(self, multipart: str, number: int, piece: Slice) -> Part:
        """Copy the slice. If the source's ETag isn't the recorded one, use the new one: a PutObject without
        an answer may have stored the same bytes late. Raises UploadLost if the source's object is gone; other errors of
        the copy, such as S3Missing, as they are."""
        upload = self.sources[piece.source]
        bucket, cursor = self.buckets.of(upload), S3Cursor.load(upload.cursor)
        source = Source(bucket=bucket.options.bucket, key=cursor.key)
        copy = partial(self.bucket.client.copy_part, self.key, multipart, number, source, piece.span)
        try:
            return await copy(cursor.etag or "")
        except S3Error as failure:
            if not failure.seems_missing and failure.code != "PreconditionFailed":
                raise
            etag = await require_etag(bucket, upload, cursor.key, failure)
            if etag == cursor.etag:
                raise
            return await copy(etag)

    def _payload(self, slices: PlannedPart) -> Payload:
        async def chunks() -> AsyncIterator[bytes]:
            for piece in slices:
                async for chunk in read_through(self.buckets, self.sources[piece.source], piece.span):
                    yield chunk

        return Payload(length=sum(map(len, slices)), chunks=chunks, fetched=True)
