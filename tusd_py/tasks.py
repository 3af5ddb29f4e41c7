"""How background tasks end."""

from __future__ import annotations

import asyncio

_AGAIN = 0.1
"""Seconds after which a task is cancelled once more."""


async def end(*tasks: asyncio.Task[None] | None) -> None:
    """Cancel until it is heeded: before Python 3.12 `asyncio.wait_for`, and so redis-py, may swallow a cancellation, or
    answer it with a timeout, after which a task that repeats its work would go on. What they raise is dropped."""
    left = {task for task in tasks if task is not None}
    while left:
        for task in left:
            task.cancel()
        done, left = await asyncio.wait(left, timeout=_AGAIN)
        await asyncio.gather(*done, return_exceptions=True)
