"""The part of an upload that its writer is filling with bytes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from tusd_py.domain.upload import Upload
from tusd_py.ports.body import Chunk
from tusd_py.storage.s3.bucket import Bucket
from tusd_py.storage.s3.checkpoint_chain import CheckpointChain
from tusd_py.storage.s3.keys import segment_key
from tusd_py.storage.s3.pieces import Assembly


class FillingPart:
    """The part that one writer is filling: it takes bytes until it is full, and then starts again as the next part.

    If the request ends, or memory gets short, before the part is sent, its bytes are stored as segments.
    """

    def __init__(self, bucket: Bucket, upload: Upload, chain: CheckpointChain) -> None:
        self._bucket, self._upload, self._chain = bucket, upload, chain
        self.position = upload.offset
        """The offset of the next byte in the upload."""
        self.number, self._span = chain.cursor.grid.part_at(upload.offset - chain.cursor.tail_length)
        self.pieces = bucket.tails.take(upload.id, chain.cursor.tail)
        self.lock = asyncio.Lock()
        """Held by the task that changes the part: the one that writes, or the one that stores a segment."""
        self._storing = 0

    @property
    def full(self) -> bool:
        return self.pieces.length == len(self._span)

    @property
    def storing(self) -> bool:
        """True while a segment is being stored, and for good if that failed or was cancelled."""
        return self._storing > 0

    def add(self, chunk: Chunk) -> Chunk:
        """Take as much of the chunk as the part has room for, and return the rest. The caller holds `lock`."""
        head = chunk[: len(self._span) - self.pieces.length]
        self.pieces.add(head)
        if self._bucket.sends_crc:
            _ = self.pieces.crc  # now, while the caches have the bytes; where it isn't sent, only for segments
        self.position += len(head)
        return chunk[len(head) :]

    def take(self) -> Assembly:
        """Return the part's pieces, and begin the next part without any."""
        pieces, self.pieces = self.pieces, Assembly()
        self.number, self._span = self._chain.cursor.grid.part_at(self._span.stop)
        return pieces

    async def store_segment(self, save_info: Callable[[], Awaitable[None]]) -> None:
        """Call `save_info`, which stores the info object if one is still to be stored; store the bytes that are only in
        memory as a segment, and begin to record that. If the part has more than `Thresholds.segments` pieces, the
        segment also takes the bytes of the last ones before it (`Assembly.merge`).

        The caller holds `lock`, so that no bytes are added meanwhile.
        """
        self._storing += 1
        await save_info()
        self.pieces.merge(self._bucket.thresholds.segments)
        piece, end = self.pieces.pieces[-1], self.position
        key = segment_key(self._bucket.options.prefix, self._upload.id, end - piece.length)
        stored = await self._bucket.put_segment(key, piece)
        self._chain.note_trouble(troubled=stored.troubled)
        piece.mark_stored(key)
        tail = self.pieces.segments
        self._chain.follow(_nothing, lambda _: self._chain.reach(end, tail=tail))
        self._storing -= 1

    def keep(self) -> int:
        """Hand the part to the cache of tails, for the next writer of the upload in this process; return how many of
        its bytes were in memory: the caller releases these from its account of the memory budget."""
        size = self.pieces.memory_size
        self._bucket.tails.keep(self._upload.id, self.pieces)
        self.pieces = Assembly()
        return size


async def _nothing() -> None:
    return None
