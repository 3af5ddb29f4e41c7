"""The only writer of checkpoints: what it has recorded counts, in that order, and nothing else does."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from tusd_py.domain.errors import StateUnavailable, Superseded
from tusd_py.domain.lifecycle import record
from tusd_py.domain.upload import Checkpoint, Cursor, Entry, Upload
from tusd_py.engine.engine import Engine
from tusd_py.ports.progress import NOBODY, Watcher


class Journal:
    """The record of one upload while one request writes to it.

    A checkpoint that makes the upload full waits until `release`: there may be more bytes than it takes. With `held`,
    so does every one that moves the offset: the bytes of a body that may yet turn out wrong count together or not at
    all.
    """

    def __init__(self, engine: Engine, upload: Upload, *, held: bool, watcher: Watcher = NOBODY) -> None:
        self._engine = engine
        self._watcher = watcher
        self.held = held
        self._waiting: list[Checkpoint] = []
        self._left: list[Cursor] = []
        """Earlier ones, recorded or not, whose bytes haven't been swept yet."""
        self._doubted: list[Cursor] = []
        """Those whose save got no answer: they may be recorded."""
        self._swept = True
        """All that should have been is."""
        self._saving = asyncio.Lock()
        self.upload = upload
        """As recorded."""

    async def record(self, checkpoint: Checkpoint) -> None:
        """Make `checkpoint` count, or keep it until `release`. Raises Superseded, StateUnavailable."""
        async with self._saving:
            if self._waits(checkpoint.offset):
                self._wait(checkpoint)
            else:
                await self._save(checkpoint, checkpoint.added)
        if len(self._left) >= self._engine.thresholds.cursors:
            await self._sweep_left()

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
        self._left += [checkpoint.cursor for checkpoint in self._waiting]
        troubled, self._waiting = any(checkpoint.troubled for checkpoint in self._waiting), []
        await self._sweep_left()
        if troubled or not self._swept:
            await self._note_trouble()

    async def _sweep_left(self) -> None:
        """What may yet count is kept: a long request leaves no more than some cursors in memory, and little in S3."""
        left, self._left = self._left, []
        kept = [self.upload.cursor, *self._doubted, *(checkpoint.cursor for checkpoint in self._waiting)]
        try:
            self._swept = await self._engine.sweep(left, kept) and self._swept
        except BaseException:
            self._left += left
            raise

    async def _note_trouble(self) -> None:
        """On the record that the caller goes on with; else the next holder of the upload does so."""
        try:
            self.upload = await self._engine.records.note(replace(self.upload, troubled_at=self._engine.clock()))
        except (Superseded, StateUnavailable):
            self._engine.unrecorded.add(self.upload.id)

    def _waits(self, offset: int) -> bool:
        return offset > self.upload.offset and (self.held or offset == self.upload.length)

    def _wait(self, checkpoint: Checkpoint) -> None:
        """Keep it, and of all before it, any of which may be the last that counts, what lets them count together."""
        if len(self._waiting) > 1:
            self._left.append(self._waiting[0].cursor)
            self._waiting = [_together(self._waiting)]
        self._waiting.append(checkpoint)

    async def _count(self, kept: list[Checkpoint]) -> None:
        """Let the last of them count, with the entries of all."""
        self._waiting = [checkpoint for checkpoint in self._waiting if checkpoint not in kept]
        if kept:
            together = _together(kept)
            await self._save(together, together.added)
            self._left += [checkpoint.cursor for checkpoint in kept[:-1]]

    async def _save(self, checkpoint: Checkpoint, added: tuple[Entry, ...]) -> None:
        before = self.upload
        try:
            self.upload = await self._engine.records.save(record(before, checkpoint, self._engine.clock()), added)
        except StateUnavailable:
            self._doubted.append(checkpoint.cursor)
            raise
        self._left.append(before.cursor)
        if self.upload.offset > before.offset:
            self._watcher.moved(self.upload)


def _together(kept: Sequence[Checkpoint]) -> Checkpoint:
    """The last of them, with the entries of all."""
    added = tuple(entry for checkpoint in kept for entry in checkpoint.added)
    return replace(kept[-1], added=added, troubled=any(checkpoint.troubled for checkpoint in kept))
