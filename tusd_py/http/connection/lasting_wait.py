"""A wait until the client has taken sent bytes, which goes on after the task that awaited it has given up: after a
timeout, or cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


class LastingWait:
    """A wait until the client has taken sent bytes, one at a time, in a task that goes on after a timeout: aiohttp
    can't wait for that again once such a wait was cancelled."""

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None

    @property
    def active(self) -> bool:
        """True from `begin` until `over` has returned True, or raised what the wait raised: it stays True if the caller
        of `over` was cancelled."""
        return self._task is not None

    def begin(self, waiting: Coroutine[Any, Any, None]) -> None:
        """Run `waiting` in a task, whose end `over` waits for. The wait begun before must be over."""
        self._task = asyncio.create_task(waiting)
        self._task.add_done_callback(_retrieve)

    async def over(self, seconds: float | None = None) -> bool:
        """Return True once the wait is over, or if none was begun; False after `seconds`. The wait goes on after
        False, and if the caller is cancelled. Raises what the wait raises.
        """
        if self._task is None:
            return True
        await asyncio.wait((self._task,), timeout=seconds)
        if not self._task.done():
            return False
        task, self._task = self._task, None
        task.result()
        return True

    def close(self) -> None:
        """Cancel the wait, if it isn't over."""
        if self._task is not None:
            self._task.cancel()


def _retrieve(task: asyncio.Task[None]) -> None:
    """Take the exception of an ended wait: asyncio logs an exception that no caller takes."""
    if not task.cancelled():
        task.exception()
