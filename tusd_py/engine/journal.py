"""The only writer of checkpoints while a request writes to an upload: bytes count once their checkpoint is recorded,
and not before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

from tusd_py.domain.access_refusals import OverQuota
from tusd_py.domain.checkpoint import Checkpoint, Cursor
from tusd_py.domain.errors import StateUnavailable, Superseded
from tusd_py.domain.lifecycle import Change, note_trouble, record
from tusd_py.domain.upload import Upload
from tusd_py.engine.engine import Engine


class Journal:
    """The recorder of one upload's checkpoints while one request writes to the upload.

    A checkpoint that reaches the upload's length is withheld until `release`, as the body may have surplus bytes. With
    `withheld`, every checkpoint that moves the offset is withheld until `proceed` or `release`: the bytes of a body
    that may turn out wrong don't count before. `on_progress` is called with the upload after each recorded growth of
    its offset.
    """

    def __init__(
        self, engine: Engine, upload: Upload, *, withheld: bool, on_progress: Callable[[Upload], None] = lambda _: None
    ) -> None:
        self._engine = engine
        self._on_progress = on_progress
        self.withheld = withheld
        self._pending: list[Checkpoint] = []
        self._superseded: list[Cursor] = []
        """Earlier cursors, recorded or not, whose objects haven't been deleted yet."""
        self._uncertain: list[Cursor] = []
        """Cursors whose save got no answer: they may be recorded."""
        self._troubled = False
        """True once a deletion has failed, or a checkpoint that is marked as troubled was dropped: an object that no
        record names may stay, or come yet."""
        self._saving = asyncio.Lock()
        self.upload = upload
        """The upload as recorded."""

    async def record(self, checkpoint: Checkpoint) -> None:
        """Record `checkpoint`, or withhold it: until `release` if it reaches the upload's length; while
        `Journal.withheld` is True, until `proceed` or `release` if it moves the offset. Raises Superseded,
        StateUnavailable, OverQuota.
        """
        async with self._saving:
            if self._is_withheld(checkpoint.offset):
                self._withhold(checkpoint)
            else:
                await self._save([checkpoint])
        if len(self._superseded) >= self._engine.thresholds.cursors:
            await self._delete_objects()

    async def proceed(self) -> None:
        """Record the withheld checkpoints, and from now on each new one, except one that reaches the upload's length.
        Raises Superseded, StateUnavailable, OverQuota.
        """
        async with self._saving:
            self.withheld = False
            partial = [checkpoint for checkpoint in self._pending if checkpoint.offset != self.upload.length]
            await self._record_together(partial)

    async def release(self) -> None:
        """Record all withheld checkpoints: the body proved right. Raises Superseded, StateUnavailable, OverQuota."""
        async with self._saving:
            self.withheld = False
            await self._record_together(self._pending)

    async def delete_superseded(self) -> None:
        """Drop the withheld checkpoints. Delete what their cursors and earlier ones name (segments, multipart uploads),
        except what the recorded cursor names, or one whose save got no answer. Record trouble if such a deletion has
        failed, or if a dropped checkpoint is marked as troubled: a withheld one, or one that was refused with
        OverQuota.
        """
        self._drop(self._pending)
        self._pending = []
        await self._delete_objects()
        if self._troubled:
            await self._note_trouble()

    def _drop(self, checkpoints: Sequence[Checkpoint]) -> None:
        """Note that the checkpoints are never recorded: what their cursors name is deleted later, and trouble is
        recorded then if one of them is marked as troubled."""
        self._superseded += [checkpoint.cursor for checkpoint in checkpoints]
        self._troubled = self._troubled or any(checkpoint.troubled for checkpoint in checkpoints)

    async def _delete_objects(self) -> None:
        """Delete what superseded cursors name, except what the recorded cursor, a withheld one or one whose save got no
        answer names; remember a failure, so that trouble is recorded later. A long request does so from time to time,
        to bound its cursors in memory and its segments in S3."""
        superseded, self._superseded = self._superseded, []
        current = [self.upload.cursor, *self._uncertain, *(checkpoint.cursor for checkpoint in self._pending)]
        try:
            self._troubled = not await self._engine.delete_superseded(superseded, current) or self._troubled
        except BaseException:
            self._superseded += superseded
            raise

    async def _note_trouble(self) -> None:
        """Record trouble in the upload, and keep the upload so saved as `upload`. If that fails, the next lock holder
        records the trouble."""
        try:
            self.upload = await self._engine.records.note(note_trouble(self.upload, self._engine.clock()))
        except (Superseded, StateUnavailable):
            self._engine.unrecorded.add(self.upload.id)

    def _is_withheld(self, offset: int) -> bool:
        return offset > self.upload.offset and (self.withheld or offset == self.upload.length)

    def _withhold(self, checkpoint: Checkpoint) -> None:
        """Withhold the checkpoint. The checkpoints withheld before become one checkpoint: the last of them,
        with the entries of all. `proceed` records only this joined checkpoint if the new one reaches the upload's
        length.
        """
        if len(self._pending) > 1:
            self._superseded.append(self._pending[0].cursor)
            self._pending = [_join(self._pending)]
        self._pending.append(checkpoint)

    async def _record_together(self, checkpoints: list[Checkpoint]) -> None:
        """Record the checkpoints in one save, if there are any, and withhold them no longer. Raises Superseded,
        StateUnavailable, OverQuota."""
        self._pending = [checkpoint for checkpoint in self._pending if checkpoint not in checkpoints]
        if checkpoints:
            await self._save(checkpoints)

    async def _save(self, checkpoints: Sequence[Checkpoint]) -> None:
        """Record the last of the checkpoints, with the entries of all: no record names the cursors of the others.
        Raises Superseded, StateUnavailable, OverQuota."""
        last, before = _join(checkpoints), self.upload
        earlier = [checkpoint.cursor for checkpoint in checkpoints[:-1]]
        try:
            self.upload = await self._engine.records.grow(self._change(last), last.added)
        except StateUnavailable:
            self._uncertain.append(last.cursor)
            self._superseded += earlier
            raise
        except OverQuota:
            self._drop(checkpoints)
            raise
        self._superseded += [*earlier, before.cursor]
        if self.upload.offset > before.offset:
            self._on_progress(self.upload)

    def _change(self, checkpoint: Checkpoint) -> Change:
        asks = self._engine.asks_before_finish
        return record(self.upload, checkpoint, self._engine.clock(), asks=asks)


def _join(checkpoints: Sequence[Checkpoint]) -> Checkpoint:
    """Return the last of the checkpoints, with the entries of all; troubled if any of them is."""
    added = tuple(entry for checkpoint in checkpoints for entry in checkpoint.added)
    return replace(checkpoints[-1], added=added, troubled=any(checkpoint.troubled for checkpoint in checkpoints))
