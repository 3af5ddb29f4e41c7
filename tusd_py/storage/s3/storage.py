"""The adapter of `ports.storage.Storage` for S3."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import replace
from typing import Self

from tusd_py.domain.checkpoint import Cursor, Entry, Finished
from tusd_py.domain.place import Place
from tusd_py.domain.space import Space
from tusd_py.domain.span import Span
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.ports.inspection import Leftover, Recovered, Trial
from tusd_py.ports.locks import Lease
from tusd_py.ports.meter import Meter
from tusd_py.ports.storage import Capacity, Record, Survey, Writer
from tusd_py.storage.s3 import concatenation, finishing, installation, leftovers, recovery
from tusd_py.storage.s3.api.connect import Connection, connect_all
from tusd_py.storage.s3.bucket import Bucket
from tusd_py.storage.s3.buckets import Buckets
from tusd_py.storage.s3.cursor import S3Cursor, multipart_of
from tusd_py.storage.s3.direct import S3Direct
from tusd_py.storage.s3.grid import Grid, grid_for
from tusd_py.storage.s3.keys import is_key_of_another, object_key
from tusd_py.storage.s3.options import S3Options
from tusd_py.storage.s3.permission_trials import trials
from tusd_py.storage.s3.readiness import Readiness
from tusd_py.storage.s3.reading import read
from tusd_py.storage.s3.surveying import survey
from tusd_py.storage.s3.tails import TailCache
from tusd_py.storage.s3.writer import S3Writer
from tusd_py.transfer.budget import Budget
from tusd_py.transfer.read_ahead import ReadAhead


class S3Storage:
    """The storage of uploads in one bucket, or several, below one prefix. `open` creates it; `aclose` closes it."""

    def __init__(self, buckets: Buckets, resources: AsyncExitStack) -> None:
        self.direct = S3Direct(buckets)
        self._buckets = buckets
        self._options = buckets.own.options
        self._resources = resources
        self._readiness = [Readiness(bucket) for bucket in buckets]

    @classmethod
    async def open(cls, options: S3Options, budget: Budget, meter: Meter) -> Self:
        """Return a storage that is ready to use, without a request to S3 yet. Raises ConfigurationError."""
        async with AsyncExitStack() as stack:
            first, *connections = await stack.enter_async_context(connect_all(options, meter))
            own = Bucket(
                client=first.client,
                presigner=first.presigner,
                options=options,
                budget=budget,
                tails=TailCache(budget),
                ahead=ReadAhead(budget),
            )
            return cls(Buckets(own, [_other_bucket(own, connection) for connection in connections]), stack.pop_all())

    @property
    def name(self) -> str:
        return self._buckets.own.name

    @property
    def capacity(self) -> Capacity:
        profile = self._options.profile
        longest = min(profile.max_object, profile.max_part * profile.max_parts)
        return Capacity(
            max_length=longest,
            max_deferred_length=min(longest, self._grid(None).max_length),
            max_age=profile.abort_after,
        )

    @property
    def inspection(self) -> S3Storage:
        return self

    def start(self, upload: Upload) -> Cursor:
        key = object_key(upload, prefix=self._options.prefix, template=self._options.object_key)
        return S3Cursor(key=key, grid=self._grid(upload.length), bucket=upload.bucket).dump()

    def locate(self, upload: Upload) -> Place:
        own, cursor = self._buckets.own, S3Cursor.load(upload.cursor)
        return Place(key=cursor.key, bucket=cursor.bucket or own.options.bucket, region=own.presigner.region)

    async def occupied(self, upload: Upload) -> bool:
        key, options = self.direct.key(upload), self._options
        if is_key_of_another(key, upload.id, prefix=options.prefix, template=options.object_key):
            return True
        return await self._buckets.of(upload).client.head(key) is not None

    def _grid(self, length: int | None) -> Grid:
        profile = self._options.profile
        return grid_for(
            length,
            base=self._options.part_size,
            max_parts=profile.max_parts,
            largest=profile.max_part,
            equal=self._buckets.own.thresholds.equal_part if profile.equal_parts else None,
        )

    def writer(
        self, upload: Upload, record: Record, lease: Lease, *, unproven: bool = False
    ) -> AbstractAsyncContextManager[Writer]:
        return S3Writer(self._buckets.of(upload), upload, record, lease, unproven=unproven)

    def needs_entries(self, upload: Upload) -> bool:
        return multipart_of(upload.cursor) is not None

    async def finish(self, upload: Upload, entries: Sequence[Entry]) -> Finished:
        return await finishing.finish(self._buckets.of(upload), upload, entries)

    async def concatenate(self, upload: Upload, sources: Sequence[Upload]) -> Finished:
        return await concatenation.concatenate(self._buckets, upload, sources)

    async def delete_superseded(self, before: Sequence[Cursor], current: Sequence[Cursor]) -> None:
        old_cursors, new_cursors = ([S3Cursor.load(cursor) for cursor in cursors] for cursors in (before, current))
        client = self._buckets.find(next((cursor.bucket for cursor in old_cursors), None)).client
        keys = {key for cursor in old_cursors for key in cursor.temporary_keys}
        await client.delete(keys.difference(*(cursor.temporary_keys for cursor in new_cursors)))
        multiparts = {cursor.multipart for cursor in old_cursors if cursor.multipart}
        for multipart in multiparts.difference(cursor.multipart for cursor in new_cursors):
            await client.abort_multipart(old_cursors[0].key, multipart)

    async def discard(self, upload: Upload) -> None:
        """Remove the objects and the multipart upload that the upload's cursor names. Send no request if by the record
        S3 holds none of them: no byte is recorded, but the upload isn't of length 0, its cursor names nothing stored,
        and its client got no presigned request."""
        cursor = S3Cursor.load(upload.cursor)
        self._buckets.own.tails.drop(upload.id)
        presigned = upload.direct is not None and upload.direct.presigned_until is not None
        if upload.offset or upload.full or cursor.started or presigned:
            await self._remove(upload, cursor)

    async def _remove(self, upload: Upload, cursor: S3Cursor) -> None:
        """Remove what the cursor names. If a hook or a credential chose the key of the upload's object, an object under
        it stays unless it is this upload's."""
        bucket = self._buckets.find(cursor.bucket)
        if cursor.multipart is not None and cursor.etag is None:
            await bucket.client.abort_multipart(cursor.key, cursor.multipart)
        owned = upload.chosen_key is None or await finishing.find_own(bucket, upload, cursor.key) is not None
        await bucket.client.delete({cursor.key, *cursor.temporary_keys} if owned else cursor.temporary_keys)

    async def clean(self, upload: Upload) -> None:
        await leftovers.clean(self._buckets.of(upload), upload)
        if not upload.alive:
            self._buckets.own.tails.drop(upload.id)
            await self._remove(upload, S3Cursor.load(upload.cursor))

    def read(self, upload: Upload, span: Span) -> AsyncGenerator[bytes, None]:
        return read(self._buckets, upload, span)

    async def leftovers(self) -> AsyncIterator[Leftover]:
        if self._buckets.other_buckets:
            await self.installation()  # raises WrongPair before another server's leftovers are taken for this one's
        for bucket in self._buckets:
            async for leftover in leftovers.find(bucket):
                yield leftover

    def needs(self, upload: Upload, leftover: Leftover) -> bool:
        return leftovers.needs(upload, leftover)

    async def remove(self, leftover: Leftover) -> None:
        await leftovers.remove(self._buckets, leftover)

    async def survey(self, upload: Upload, entries: Sequence[Entry]) -> Survey:
        self._buckets.own.tails.drop(upload.id)
        return await survey(self._buckets.of(upload), upload, entries)

    async def recover(self, upload_id: UploadId, leftovers: Sequence[Leftover]) -> Recovered | None:
        return await recovery.recover(self._buckets, upload_id, leftovers)

    async def installation(self) -> str | None:
        return await installation.read(self._buckets)

    async def install(self, installation_id: str) -> None:
        await installation.write(self._buckets, installation_id)

    async def ping(self) -> None:
        for readiness in self._readiness:
            await readiness.check()

    async def space(self) -> Space | None:
        return None

    def trials(self) -> Sequence[Trial]:
        return [trial for bucket in self._buckets for trial in trials(bucket)]

    async def aclose(self) -> None:
        await self._resources.aclose()


def _other_bucket(own: Bucket, connection: Connection) -> Bucket:
    """Return the `Bucket` for another connection; it shares memory and limits with the storage's own bucket, `own`."""
    client, presigner = connection.client, connection.presigner
    options = replace(own.options, bucket=presigner.bucket)
    return replace(own, client=client, presigner=presigner, options=options, cursor_name=presigner.bucket)
