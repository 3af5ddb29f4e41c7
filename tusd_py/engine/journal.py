"""The only writer of checkpoints: what it has recorded counts, in that order, and nothing else does."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from tusd_py.engine.ports import Ports
from tusd_py.engine.watching import NOBODY, Watcher
from tusd_py.errors import StateUnavailable, Superseded
from tusd_py.model import Checkpoint, Cursor, Entry, Upload, marked, record
from tusd_py.protocol.rules import touch


class Journal:
    """The record of one upload while one request writes to it.

    A checkpoint that makes the upload full waits until `release`: there may be more bytes than it takes. With `held`,
    so does every one that moves the offset: the bytes of a body that may yet turn out wrong count together or not at
    all.
    """

    def __init__(self, ports: Ports, upload: Upload, *, held: bool, watcher: Watcher = NOBODY) -> None:
        self._ports = ports
        self._watcher = watcher
        self.held = held
        self._waiting: list[Checkpoint] = []
        self._left: list[Cursor] = []
        self._saving = asyncio.Lock()
        self.upload = upload
        """As recorded."""

    async def record(self, checkpoint: Checkpoint) -> None:
        """Make `checkpoint` count, or keep it until `release`. Raises Superseded, StateUnavailable."""
        async with self._saving:
            if self._waits(checkpoint.offset):
                self._waiting.append(checkpoint)
            else:
                await self._save(checkpoint, checkpoint.added)

    async def proceed(self) -> None:
        """Let count what was kept, and from now on whatever comes, but for what makes the upload full."""
        async with self._saving:
            self.held = False
            await self._count([kept for kept in self._waiting if kept.offset != self.upload.length])

    async def release(self) -> None:
        """The body is the right one: let everything count."""
        async with self._saving:
            self.held = False
            await self._count(self._waiting)

    async def sweep(self) -> None:
        """Remove what earlier cursors named, recorded or not, and the recorded one doesn't."""
        waiting = [checkpoint.cursor for checkpoint in self._waiting]
        swept = await self._ports.sweep([*self._left, *waiting], self.upload.cursor)
        if not swept or any(checkpoint.troubled for checkpoint in self._waiting):
            await self._note_trouble()

    async def _note_trouble(self) -> None:
        """On the record that the caller goes on with; else the next holder of the upload does so."""
        try:
            self.upload = await self._ports.note(self.upload, troubled_at=self._ports.clock())
        except (Superseded, StateUnavailable):
            self._ports.unrecorded.add(self.upload.id)

    def _waits(self, offset: int) -> bool:
        return offset > self.upload.offset and (self.held or offset == self.upload.length)

    async def _count(self, kept: list[Checkpoint]) -> None:
        """Let the last of them count, with the entries of all."""
        self._waiting = [checkpoint for checkpoint in self._waiting if checkpoint not in kept]
        if kept:
            added = tuple(entry for checkpoint in kept for entry in checkpoint.added)
            troubled = any(checkpoint.troubled for checkpoint in kept)
            last = replace(kept[-1], troubled=troubled)
            await self._save(last, added)  # should its answer get lost, what it names must stay
            self._left += [checkpoint.cursor for checkpoint in kept[:-1]]

    async def _save(self, checkpoint: Checkpoint, added: tuple[Entry, ...]) -> None:
        before, now = self.upload, self._ports.clock()
        moved = marked(touch(record(before, checkpoint), now, self._ports.limits), now, troubled=checkpoint.troubled)
        try:
            self.upload = await self._ports.state.save(moved, added)
        except Superseded:
            if checkpoint.troubled:
                await self._ports.remember_trouble(before.id)
            raise
        self._left.append(before.cursor)
        if self.upload.offset > before.offset:
            self._watcher.moved(self.upload)
        if self.upload.done:
            self._ports.observer.upload_finished(self.upload)
