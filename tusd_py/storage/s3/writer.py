"""Bytes into S3: gathered into parts, sent several at a time, recorded strictly in the order of the bytes.

A part is sent once all of it is here, so that it never idles on the wire and can be sent again. What is too little for
a part when the request ends, or when memory gets short, becomes a segment: added, never written over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar

from tusd_py.domain.upload import Checkpoint, Entry, Upload
from tusd_py.ports.body import Chunk
from tusd_py.ports.locks import Lease
from tusd_py.ports.storage import Record
from tusd_py.storage.s3.cursor import Part, S3Cursor, Stored
from tusd_py.storage.s3.keys import info_key, segment_key
from tusd_py.storage.s3.pieces import Assembly
from tusd_py.storage.s3.room import Room

T = TypeVar("T")
Work = Callable[[], Awaitable[T]]


class S3Writer:
    """Writes from `upload.offset` on; see `storage.base.Writer`."""

    def __init__(self, room: Room, upload: Upload, record: Record, lease: Lease, *, unproven: bool) -> None:
        self._room = replace(room, client=room.client.guarded(lease.check))
        self._upload = upload
        self._record = record
        self._cursor = S3Cursor.load(upload.cursor)
        """As recorded, or about to be."""
        self._recorded = self._position = upload.offset
        self._number, self._span = self._cursor.grid.part_at(upload.offset - self._cursor.tail_length)
        self._part = room.tails.take(upload.id, self._cursor.tail)
        self._account = room.budget.account(self._spill_soon)
        self._account.adopt(self._part.held)
        self._turn = asyncio.Lock()
        """Held by whoever changes the part: the one who writes, or the spill."""
        self._slots = asyncio.Semaphore(room.options.concurrency)
        self._proven = asyncio.Event()
        """Parts may be sent. A wrong one that was given up could land after the right one, and S3 keeps the last."""
        if not unproven:
            self._proven.set()
        self._multipart = _known(self._cursor.multipart)
        self._tasks = asyncio.TaskGroup()
        self._last: asyncio.Task[None] | None = None
        self._closing = False
        self._troubled = False
        """A write got no answer before it was repeated, and no checkpoint says so yet."""
        self._storing = 0
        """Segments on their way."""

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
        last = self._last
        broken_off = last is not None and (last.cancelled() or last.exception() is not None)
        return broken_off or self._storing > 0

    async def write(self, chunk: Chunk) -> None:
        await self._account.acquire(len(chunk))
        async with self._turn:
            while chunk:
                if self._part_is_full:
                    await self._send_part()
                room = len(self._span) - self._part.length
                self._part.add(chunk[:room])
                if self._room.sends_crc:
                    _ = self._part.crc  # now, while the caches have the bytes; where it isn't sent, only for segments
                self._position += len(chunk[:room])
                chunk = chunk[room:]

    async def flush(self) -> None:
        self._closing = True
        self._proven.set()
        async with self._turn:
            if self._position == self._upload.end:
                await self._send_last()
            elif self._part_is_full:
                await self._send_part()
            elif self._part.fresh:
                await self._save_segment()
        if self._last is not None:
            await self._last
        self._keep_tail()

    @property
    def _part_is_full(self) -> bool:
        return self._part.length == len(self._span)

    async def _send_last(self) -> None:
        """The end of the upload: one PutObject if it all fits into the first part, else its last part."""
        if self._number == 1 and self._multipart is None:
            part, end = self._take_part(), self._position
            self._follow(
                partial(self._sending, part, partial(self._room.put_object, self._upload, self._cursor.key, part)),
                partial(self._reach_object, end),
            )
        elif self._part.length:
            await self._send_part()

    def _reach_object(self, end: int, stored: Stored) -> Checkpoint:
        made = self._cursor.made(stored)
        return Checkpoint(offset=end, cursor=made.cursor, finished=made, troubled=self._troubled or made.troubled)

    async def _send_part(self) -> None:
        """Start sending the part, once there is a slot, and begin the next."""
        if self._slots.locked():
            self._proven.set()  # as many as may be held back
        await self._slots.acquire()
        multipart = self._multipart or self._begin_multipart()
        number, end, part = self._number, self._position, self._take_part()
        self._follow(
            partial(self._upload_part, multipart, number, part),
            lambda sent: self._reach(end, added=(sent.to_entry(),), tail=()),
        )

    def _take_part(self) -> Assembly:
        part, self._part = self._part, Assembly()
        self._number, self._span = self._cursor.grid.part_at(self._span.stop)
        return part

    async def _upload_part(self, multipart: asyncio.Future[str], number: int, part: Assembly) -> Part:
        try:
            await self._proven.wait()
            return await self._sending(part, partial(self._put_part, multipart, number, part))
        finally:
            self._slots.release()

    async def _put_part(self, multipart: asyncio.Future[str], number: int, part: Assembly) -> Part:
        return await self._room.upload_part(self._cursor.key, await multipart, number, part)

    def _begin_multipart(self) -> asyncio.Future[str]:
        """Recorded as soon as it exists, so that whatever comes next it can be removed."""
        self._multipart = begun = self._tasks.create_task(self._create_multipart())
        self._follow(lambda: begun, lambda multipart: self._reach(self._recorded, multipart=multipart))
        return begun

    async def _create_multipart(self) -> str:
        await self._save_info()
        begun = await self._room.create_multipart(self._upload, self._cursor.key)
        self._troubled |= begun.troubled
        return begun.multipart

    async def _save_info(self) -> None:
        """Before the first thing that is stored unfinished; the next checkpoint names it."""
        if self._room.options.info_objects and self._cursor.info is None:
            key = info_key(self._room.options.prefix, self._upload.id)
            stored = await self._room.put_info(self._upload, key)
            self._troubled |= stored.troubled
            self._cursor = replace(self._cursor, info=key)

    async def _save_segment(self) -> None:
        """Store what is in memory only. The caller holds the turn, so nothing is added meanwhile."""
        self._storing += 1
        await self._save_info()
        self._part.fold(self._room.thresholds.segments)
        piece, end = self._part.pieces[-1], self._position
        key = segment_key(self._room.options.prefix, self._upload.id, end - piece.length)
        stored = await self._room.put_segment(key, piece)
        self._troubled |= stored.troubled
        piece.stored(key)
        tail = self._part.segments
        self._follow(_nothing, lambda _: self._reach(end, tail=tail))
        self._storing -= 1

    def _spill_soon(self) -> None:
        if self._closing:
            return
        self._proven.set()
        idle = self._account.idle
        spill = self._spill(idle)
        try:
            self._tasks.create_task(spill)
        except RuntimeError:  # one of the tasks has failed: the writer is about to leave, and to free all it holds
            spill.close()
        else:
            self._account.sending(idle)

    async def _spill(self, counted: int) -> None:
        async with self._turn:
            if self._part.fresh:
                await self._save_segment()
            freed = self._part.forget()
        self._account.sending(-counted)  # first: whoever is served next must not count on these bytes again
        self._account.release(freed)

    def _keep_tail(self) -> None:
        self._account.release(self._part.held)
        self._room.tails.keep(self._upload.id, self._part)
        self._part = Assembly()

    async def _sending(self, part: Assembly, work: Work[T]) -> T:
        """Do `work` on the part's bytes; once S3 has them they need not be kept."""
        held = part.held
        self._account.sending(held)
        try:
            result = await work()
        finally:
            self._account.sending(-held)
        self._account.release(held)
        return result

    def _follow(self, work: Work[T], reach: Callable[[T], Checkpoint]) -> None:
        """Do `work` now; record the checkpoint it reaches when every one before it is recorded."""
        self._last = self._tasks.create_task(self._record_after(self._last, work, reach))

    async def _record_after(
        self, before: asyncio.Task[None] | None, work: Work[T], reach: Callable[[T], Checkpoint]
    ) -> None:
        result = await work()
        del work  # it has the bytes, which are no longer counted
        if before is not None:
            await before
        await self._record(reach(result))

    def _reach(self, offset: int, *, added: tuple[Entry, ...] = (), **changes: Any) -> Checkpoint:
        """The checkpoint at `offset`, where the cursor has these changes."""
        self._recorded, self._cursor = offset, replace(self._cursor, **changes)
        troubled, self._troubled = self._troubled, False
        return Checkpoint(offset=offset, cursor=self._cursor.dump(), added=added, troubled=troubled)


def _known(multipart: str | None) -> asyncio.Future[str] | None:
    if multipart is None:
        return None
    known: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    known.set_result(multipart)
    return known


async def _nothing() -> None:
    return None
