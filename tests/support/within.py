"""A deadline that holds even if a library ignores a cancellation."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from tusd_py.tasks import end

T = TypeVar("T")


async def within(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """Return the result of `work`, or raise what it raises. After `seconds`, cancel it, repeatedly until it has ended.
    Raises TimeoutError if it ends as cancelled, then or before; if it ends otherwise, even that late, its result or
    exception counts.

    It runs in a separate task: a client library may ignore the cancellation by `asyncio.timeout`, which is sent once,
    and go on without a deadline; or it may raise CancelledError though no caller has cancelled it.
    """
    task = asyncio.create_task(work)
    try:
        await asyncio.wait([task], timeout=seconds)
    finally:
        await end(task)
    if task.cancelled():
        raise TimeoutError
    return task.result()
