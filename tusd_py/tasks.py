"""The end of background tasks."""

from __future__ import annotations

import asyncio
from typing import Any

_AGAIN = 0.1
"""Seconds after which a task is cancelled again."""


async def end(*tasks: asyncio.Task[Any] | None) -> None:
    """Cancel the tasks repeatedly until they have ended; drop their exceptions. Cancelled meanwhile, go on until then,
    and only then raise CancelledError: the end of a task that ends others must not leave those behind.

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
