"""Bytes on their way into the growing file of an upload."""

from __future__ import annotations

from tusd_py.domain.errors import StorageUnavailable
from tusd_py.domain.thresholds import Thresholds
from tusd_py.domain.upload import Checkpoint, Upload
from tusd_py.ports.body import Chunk
from tusd_py.ports.storage import Record
from tusd_py.storage.local.disk import PartFile


class LocalWriter:
    """Behind `ports.storage.Writer`."""

    unsettled = False
    """What was broken off is written over."""

    def __init__(self, part: PartFile, upload: Upload, record: Record, thresholds: Thresholds) -> None:
        self._part, self._cursor, self._record = part, upload.cursor, record
        self._batch_size, self._checkpoint_size = thresholds.disk_batch, thresholds.disk_checkpoint
        self._batch: list[Chunk] = []
        self._waiting = 0
        self._written = self._synced = self._recorded = upload.offset

    async def write(self, chunk: Chunk) -> None:
        self._batch.append(chunk)
        self._waiting += len(chunk)
        if self._waiting >= self._batch_size:
            await self._write_batch()
        if self._written - self._recorded >= self._checkpoint_size:
            await self._checkpoint()

    async def flush(self) -> None:
        if self._waiting:
            await self._write_batch(sync=True)
        await self._checkpoint()

    async def _write_batch(self, *, sync: bool = False) -> None:
        """A batch that was not written stays, for another try; what came before it is safe all the same."""
        try:
            await self._part.write(b"".join(self._batch), self._written, sync=sync)
        except StorageUnavailable:
            await self._checkpoint()
            raise
        self._written += self._waiting
        self._synced = self._written if sync else self._synced
        self._batch.clear()
        self._waiting = 0

    async def _checkpoint(self) -> None:
        if self._written == self._recorded:
            return
        if self._synced < self._written:
            await self._part.sync()
            self._synced = self._written
        await self._record(Checkpoint(offset=self._written, cursor=self._cursor))
        self._recorded = self._written
