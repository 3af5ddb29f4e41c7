"""The S3 maker of `storage.base.Storage`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Self

from tusd_py.domain.space import Space
from tusd_py.domain.upload import Cursor, Entry, Finished, Span, Upload, UploadId
from tusd_py.ports.locks import Lease
from tusd_py.ports.meter import Meter
from tusd_py.ports.storage import Capacity, Leftover, Record, Recovered, Survey, Writer
from tusd_py.storage.s3 import concatenation, finishing, installation, leftovers, recovery
from tusd_py.storage.s3.api.connect import connect
from tusd_py.storage.s3.cursor import S3Cursor
from tusd_py.storage.s3.direct import S3Direct
from tusd_py.storage.s3.grid import Grid, grid_for
from tusd_py.storage.s3.keys import object_key
from tusd_py.storage.s3.options import S3Options
from tusd_py.storage.s3.readiness import Readiness
from tusd_py.storage.s3.reading import read
from tusd_py.storage.s3.room import Room
from tusd_py.storage.s3.surveying import survey
from tusd_py.storage.s3.tails import Tails
from tusd_py.storage.s3.trials import trials
from tusd_py.storage.s3.writer import S3Writer
from tusd_py.transfer.budget import Budget
from tusd_py.transfer.read_ahead import ReadAhead


class S3Storage:
    """Keeps uploads in one bucket, below one prefix. `open` makes one; `aclose` ends it."""

    def __init__(self, room: Room, direct: S3Direct, resources: AsyncExitStack) -> None:
        self.direct = direct
        self._room = room
        self._resources = resources
        self._readiness = Readiness(room)

    @classmethod
    async def open(cls, options: S3Options, budget: Budget, meter: Meter) -> Self:
        """Ready to use; asks S3 for nothing yet. Raises ConfigurationError."""
        async with AsyncExitStack() as stack:
            connection = await stack.enter_async_context(connect(options, meter))
            client, ahead = connection.client, ReadAhead(budget)
            room = Room(client=client, options=options, budget=budget, tails=Tails(budget), ahead=ahead)
            return cls(room, S3Direct(room, connection.presigner), stack.pop_all())

    @property
    def name(self) -> str:
        return f"s3://{self._room.options.bucket}/{self._room.options.prefix}"

    @property
    def capacity(self) -> Capacity:
        profile = self._room.options.profile
        longest = min(profile.max_object, profile.max_part * profile.max_parts)
        return Capacity(
            max_length=longest, max_deferred_length=min(longest, self._grid(None).reach), max_age=profile.abort_after
        )

    def start(self, upload: Upload) -> Cursor:
        options = self._room.options
        key = object_key(upload, prefix=options.prefix, template=options.object_key)
        return S3Cursor(key=key, grid=self._grid(upload.length)).dump()

    def _grid(self, length: int | None) -> Grid:
        profile = self._room.options.profile
        return grid_for(
            length,
            base=self._room.options.part_size,
            max_parts=profile.max_parts,
            largest=profile.max_part,
            equal=self._room.thresholds.equal_part if profile.equal_parts else None,
        )

    def writer(
        self, upload: Upload, record: Record, lease: Lease, *, unproven: bool = False
    ) -> AbstractAsyncContextManager[Writer]:
        return S3Writer(self._room, upload, record, lease, unproven=unproven)

    async def finish(self, upload: Upload, entries: Sequence[Entry]) -> Finished:
        return await finishing.finish(self._room, upload, entries)

    async def concatenate(self, upload: Upload, sources: Sequence[Upload]) -> Finished:
        return await concatenation.concatenate(self._room, upload, sources)

    async def sweep(self, before: Sequence[Cursor], kept: Sequence[Cursor]) -> None:
        earlier, named = ([S3Cursor.load(cursor) for cursor in cursors] for cursors in (before, kept))
        keys = {key for cursor in earlier for key in cursor.beside}
        await self._room.client.delete(keys.difference(*(cursor.beside for cursor in named)))
        multiparts = {cursor.multipart for cursor in earlier if cursor.multipart}
        for multipart in multiparts.difference(cursor.multipart for cursor in named):
            await self._room.client.abort_multipart(earlier[0].key, multipart)

    async def discard(self, upload: Upload) -> None:
        """Of one that never got a byte nothing was stored here, so S3 isn't asked: unless its client could."""
        cursor = S3Cursor.load(upload.cursor)
        self._room.tails.drop(upload.id)
        if upload.offset or cursor.began or upload.signed_until is not None:
            await self._remove(cursor)

    async def _remove(self, cursor: S3Cursor) -> None:
        client = self._room.client
        if cursor.multipart is not None and cursor.etag is None:
            await client.abort_multipart(cursor.key, cursor.multipart)
        await client.delete({cursor.key, *cursor.beside})

    async def clean(self, upload: Upload) -> None:
        await leftovers.clean(self._room.client, self._room.options, upload)
        if not upload.alive:
            self._room.tails.drop(upload.id)
            await self._remove(S3Cursor.load(upload.cursor))

    def read(self, upload: Upload, span: Span) -> AsyncGenerator[bytes, None]:
        return read(self._room, upload, span)

    def leftovers(self) -> AsyncIterator[Leftover]:
        return leftovers.find(self._room.client, self._room.options)

    def needs(self, upload: Upload, leftover: Leftover) -> bool:
        return leftovers.needs(upload, leftover)

    async def remove(self, leftover: Leftover) -> None:
        await leftovers.remove(self._room.client, leftover)

    async def survey(self, upload: Upload, entries: Sequence[Entry]) -> Survey:
        self._room.tails.drop(upload.id)
        return await survey(self._room, upload, entries)

    async def recover(self, upload_id: UploadId, leftovers: Sequence[Leftover]) -> Recovered | None:
        return await recovery.recover(self._room, upload_id, leftovers)

    async def installation(self) -> str | None:
        return await installation.read(self._room)

    async def install(self, installation_id: str) -> None:
        await installation.write(self._room, installation_id)

    async def ping(self) -> None:
        await self._readiness.look()

    async def space(self) -> Space | None:
        return None

    def trials(self) -> Mapping[str, Callable[[], Awaitable[None]]]:
        return trials(self._room.client, self._room.options.prefix)

    async def aclose(self) -> None:
        await self._resources.aclose()
