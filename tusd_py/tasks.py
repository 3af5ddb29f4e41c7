"""The end of background tasks, and waiting that outlives cancellations."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")

_AGAIN = 0.1
"""Seconds after which a task is cancelled again."""


async def end(*tasks: asyncio.Task[Any] | None) -> None:
    """Cancel the tasks repeatedly until they have ended; drop their exceptions. If this call is cancelled meanwhile, it
    goes on until they have ended, and only then raises CancelledError: a task that is cancelled while it ends others
    must not leave those running.

    Before Python 3.12 `asyncio.wait_for`, and so redis-py, may swallow a cancellation or turn it into a timeout, after
    which a task that repeats its work would go on.
    """
    pending = {task for task in tasks if task is not None}
    cancellation: asyncio.CancelledError | None = None
    while pending:
        for task in pending:
            task.cancel()
        try:
            done, pending = await asyncio.wait(pending, timeout=_AGAIN)
            await asyncio.gather(*done, return_exceptions=True)
        except asyncio.CancelledError as error:
            cancellation = error
    if cancellation is not None:
        raise cancellation


async def wait_out(running: asyncio.Future[T]) -> T:
    """Wait until `running` has ended, also if this call is cancelled meanwhile, however often: CancelledError is raised
    only then. Return the result of `running`; raises what it raises."""
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        while not running.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait((running,))
        if not running.cancelled():
            running.exception()  # read, so that asyncio doesn't log it as never retrieved
        raise
