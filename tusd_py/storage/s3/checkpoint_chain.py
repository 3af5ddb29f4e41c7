"""Checkpoints of work that runs at the same time, recorded strictly in the order in which the work was begun."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, TypeVar

from tusd_py.domain.checkpoint import Checkpoint, Entry
from tusd_py.ports.storage import Record
from tusd_py.storage.s3.cursor import S3Cursor, StoredObject

T = TypeVar("T")
Work = Callable[[], Awaitable[T]]


class CheckpointChain:
    """The checkpoints of one writer. Each is made from the result of a task, such as the sending of a part, and
    recorded once the checkpoints of all tasks begun earlier are recorded.
    """

    def __init__(self, cursor: S3Cursor, offset: int, record: Record, tasks: asyncio.TaskGroup) -> None:
        self.cursor = cursor
        """The cursor of the last checkpoint that `reach` made, at first the upload's; with the key given to
        `name_info`."""
        self.offset = offset
        """The offset of the last checkpoint that `reach` made, at first the upload's."""
        self._record, self._tasks = record, tasks
        self._last: asyncio.Task[None] | None = None
        self._troubled = False

    @property
    def broken(self) -> bool:
        """True if work, or recording, was cancelled or has failed. To be read only once all tasks have ended."""
        return self._last is not None and (self._last.cancelled() or self._last.exception() is not None)

    def note_trouble(self, *, troubled: bool) -> None:
        """Have the next checkpoint say, if `troubled`, that a write got no answer before its retry."""
        self._troubled |= troubled

    def name_info(self, key: str) -> None:
        """Have the next checkpoint name the info object, by its key."""
        self.cursor = replace(self.cursor, info=key)

    def follow(self, work: Work[T], reach: Callable[[T], Checkpoint]) -> None:
        """Begin the work in a task, which then waits for all earlier checkpoints and records the one that `reach` makes
        of the result."""
        self._last = self._tasks.create_task(self._record_after(self._last, work, reach))

    async def wait(self) -> None:
        """Return once the checkpoints of all work begun by `follow` are recorded. Raises what that work or the
        recording raises.
        """
        if self._last is not None:
            await self._last

    def reach(self, offset: int, *, added: tuple[Entry, ...] = (), **changes: Any) -> Checkpoint:
        """Make the next checkpoint of the chain, at `offset`, and return it. Its cursor is the chain's last one with
        the fields in `changes` changed; its entries are `added`."""
        self.offset, self.cursor = offset, replace(self.cursor, **changes)
        troubled, self._troubled = self._troubled, False
        return Checkpoint(offset=offset, cursor=self.cursor.dump(), added=added, troubled=troubled)

    def reach_object(self, end: int, stored: StoredObject) -> Checkpoint:
        """Return the last checkpoint of an upload whose object one PutObject has stored: finished, at offset `end`."""
        finished = self.cursor.to_finished(stored)
        troubled = self._troubled or finished.troubled
        return Checkpoint(offset=end, cursor=finished.cursor, finished=finished, troubled=troubled)

    async def _record_after(
        self, before: asyncio.Task[None] | None, work: Work[T], reach: Callable[[T], Checkpoint]
    ) -> None:
        result = await work()
        del work  # it has the bytes, which are no longer counted
        if before is not None:
            await before
        await self._record(reach(result))
