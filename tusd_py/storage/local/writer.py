"""The writer that batches bytes for the part file of an upload."""

from __future__ import annotations

from tusd_py.domain.checkpoint import Checkpoint
from tusd_py.domain.errors import StorageUnavailable
from tusd_py.domain.thresholds import Thresholds
from tusd_py.domain.upload import Upload
from tusd_py.ports.body import Chunk
from tusd_py.ports.storage import Record
from tusd_py.storage.local.part_file import PartFile


class LocalWriter:
    """The writer of `LocalStorage`. It writes bytes in batches, and records them once fsync has made them durable."""

    unsettled = False
    """Always False: an interrupted write leaves nothing that could do harm later, as the next writer overwrites its
    bytes (see `ports.storage.Writer`)."""

    def __init__(self, part: PartFile, upload: Upload, record: Record, thresholds: Thresholds) -> None:
        self._part, self._cursor, self._record = part, upload.cursor, record
        self._min_batch, self._checkpoint_size = thresholds.disk_batch, thresholds.disk_checkpoint
        self._batch: list[Chunk] = []
        self._batch_length = 0
        self._written = self._synced = self._recorded = upload.offset

    async def write(self, chunk: Chunk) -> None:
        self._batch.append(chunk)
        self._batch_length += len(chunk)
        if self._batch_length >= self._min_batch:
            await self._write_batch()
        if self._written - self._recorded >= self._checkpoint_size:
            await self._checkpoint()

    async def flush(self) -> None:
        if self._batch_length:
            await self._write_batch(sync=True)
        await self._checkpoint()

    async def _write_batch(self, *, sync: bool = False) -> None:
        """Write the batch; with `sync`, also make it and earlier writes durable. If that raises StorageUnavailable,
        keep the batch, record the bytes before it, and raise the error again; if the recording fails, as it may after
        a failed fsync, raise its error instead. If the write raises Superseded, nothing is recorded."""
        try:
            await self._part.write(b"".join(self._batch), self._written, sync=sync)
        except StorageUnavailable:
            await self._checkpoint()
            raise
        self._written += self._batch_length
        self._synced = self._written if sync else self._synced
        self._batch.clear()
        self._batch_length = 0

    async def _checkpoint(self) -> None:
        if self._written == self._recorded:
            return
        if self._synced < self._written:
            await self._part.sync()
            self._synced = self._written
        await self._record(Checkpoint(offset=self._written, cursor=self._cursor))
        self._recorded = self._written
