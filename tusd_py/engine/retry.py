"""Work that nobody else will do where it fails now."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress


async def persist(work: Callable[[], Awaitable[None]], pauses: Sequence[float], *errors: type[Exception]) -> None:
    """Do `work` until it raises none of `errors`: once after each of these pauses, in seconds, at most."""
    for pause in pauses:
        await asyncio.sleep(pause)
        with suppress(*errors):
            await work()
            break
