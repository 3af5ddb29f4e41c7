"""The adapter that keeps uploads in memory until the process ends; it is the shortest example of a storage."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager

from tusd_py.domain.checkpoint import Checkpoint, Cursor, Entry, Finished
from tusd_py.domain.copying import copy_with
from tusd_py.domain.errors import UploadLost
from tusd_py.domain.lifecycle import fall_back, mark_done
from tusd_py.domain.place import Place
from tusd_py.domain.space import Space
from tusd_py.domain.span import Span
from tusd_py.domain.upload import Times, Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.ports.body import Chunk
from tusd_py.ports.inspection import Leftover, Recovered, Trial
from tusd_py.ports.locks import Lease
from tusd_py.ports.storage import Capacity, Record, Survey

_READ_SIZE = 64 * 1024


class MemoryStorage:
    """The adapter of `ports.storage.Storage` for memory. A writer records a checkpoint once `checkpoint_size` or more
    bytes are unrecorded, and when it is flushed."""

    name = "memory:"
    capacity = Capacity()
    direct = None

    @property
    def inspection(self) -> MemoryStorage:
        return self

    def __init__(self, *, checkpoint_size: int = 1024 * 1024) -> None:
        self._checkpoint_size = checkpoint_size
        self._parts: dict[UploadId, bytearray] = {}
        self._objects: dict[UploadId, bytes] = {}
        self._installation: str | None = None

    def start(self, upload: Upload) -> Cursor:  # noqa: ARG002 - the port's signature: the id alone finds the bytes
        return {}

    def locate(self, upload: Upload) -> Place:
        return Place(key=upload.chosen_key or f"{upload.key_prefix}{upload.id}")

    async def occupied(self, upload: Upload) -> bool:
        return upload.id in self._objects

    @asynccontextmanager
    async def writer(
        self,
        upload: Upload,
        record: Record,
        lease: Lease,
        *,
        unproven: bool = False,  # noqa: ARG002 (only matters to storages with concurrent writes)
    ) -> AsyncIterator[MemoryWriter]:
        part = self._parts.setdefault(upload.id, bytearray())
        if len(part) < upload.offset:
            raise UploadLost(upload.id)
        yield MemoryWriter(part, upload, record, lease, self._checkpoint_size)

    def needs_entries(self, upload: Upload) -> bool:  # noqa: ARG002 - the port's signature
        return False

    async def finish(self, upload: Upload, entries: Sequence[Entry]) -> Finished:  # noqa: ARG002 - the port's signature
        self._objects.setdefault(upload.id, bytes(self._parts.pop(upload.id, b"")[: upload.length]))
        return self._finished(upload)

    async def concatenate(self, upload: Upload, sources: Sequence[Upload]) -> Finished:
        self._objects[upload.id] = b"".join([self._object(source) for source in sources])
        return self._finished(upload)

    async def delete_superseded(self, before: Sequence[Cursor], current: Sequence[Cursor]) -> None:
        """Do nothing: cursors of this storage are empty, so they name nothing to remove."""

    async def discard(self, upload: Upload) -> None:
        self._parts.pop(upload.id, None)
        self._objects.pop(upload.id, None)

    async def clean(self, upload: Upload) -> None:
        if upload.done:
            self._parts.pop(upload.id, None)
        elif not upload.alive:
            await self.discard(upload)

    async def read(self, upload: Upload, span: Span) -> AsyncGenerator[bytes, None]:
        data = self._object(upload)
        for start in range(span.start, span.stop, _READ_SIZE):
            yield data[start : min(start + _READ_SIZE, span.stop)]

    async def leftovers(self) -> AsyncIterator[Leftover]:
        for upload_id in list(self._parts):
            yield Leftover(upload_id=upload_id, name=upload_id, since=0)

    def needs(self, upload: Upload, leftover: Leftover) -> bool:  # noqa: ARG002 - the port's signature
        return not upload.done

    async def remove(self, leftover: Leftover) -> None:
        self._parts.pop(leftover.upload_id, None)

    async def survey(self, upload: Upload, entries: Sequence[Entry]) -> Survey:  # noqa: ARG002 - the port's signature
        if upload.id in self._objects and not upload.done:
            whole = copy_with(upload, length=len(self._objects[upload.id]), offset=len(self._objects[upload.id]))
            return Survey(upload=mark_done(whole, self._finished(whole)))
        if upload.done:
            self._object(upload)
        return Survey(upload=fall_back(upload, len(self._parts.get(upload.id, b""))))

    async def recover(self, upload_id: UploadId, leftovers: Sequence[Leftover]) -> Recovered | None:
        if upload_id in self._objects:
            return None
        offset, since = len(self._parts.get(upload_id, b"")), leftovers[0].since
        upload = Upload(id=upload_id, length=None, offset=offset, times=Times.at_creation(since))
        return Recovered(upload=upload) if offset else None

    async def installation(self) -> str | None:
        return self._installation

    async def install(self, installation_id: str) -> None:
        self._installation = installation_id

    async def ping(self) -> None:
        """Return at once: memory is always available."""

    async def space(self) -> Space | None:
        return None

    def trials(self) -> Sequence[Trial]:
        return [Trial(name="write", place=self.name, run=self.ping)]

    async def aclose(self) -> None:
        """Do nothing: there is nothing to close."""

    def _finished(self, upload: Upload) -> Finished:
        self._object(upload)
        return Finished(cursor=upload.cursor, etag=upload.fixed_etag)

    def _object(self, upload: Upload) -> bytes:
        data = self._objects.get(upload.id)
        if data is None or len(data) != upload.length:
            raise UploadLost(upload.id)
        return data


class MemoryWriter:
    """The writer of `MemoryStorage`."""

    unsettled = False
    """Always False: an interrupted write leaves nothing that could do harm later, as the next writer overwrites its
    bytes (see `ports.storage.Writer`)."""

    def __init__(self, part: bytearray, upload: Upload, record: Record, lease: Lease, checkpoint_size: int) -> None:
        self._part, self._cursor, self._record, self._lease = part, upload.cursor, record, lease
        self._checkpoint_size = checkpoint_size
        self._written = self._recorded = upload.offset

    async def write(self, chunk: Chunk) -> None:
        self._lease.check()
        self._part[self._written :] = chunk
        self._written += len(chunk)
        if self._written - self._recorded >= self._checkpoint_size:
            await self.flush()

    async def flush(self) -> None:
        self._lease.check()
        if self._written > self._recorded:
            await self._record(Checkpoint(offset=self._written, cursor=self._cursor))
            self._recorded = self._written
