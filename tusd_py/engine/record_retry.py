"""Retries, after pauses, of work that should not be left to a later request or sweep."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress


async def retry(work: Callable[[], Awaitable[None]], pauses: Sequence[float], *errors: type[Exception]) -> None:
    """Wait for each of `pauses` (seconds) in turn, and run `work` after it, until a run raises none of `errors`.
    Returns, too, if the last run raises one of them."""
    for pause in pauses:
        await asyncio.sleep(pause)
        with suppress(*errors):
            await work()
            break
