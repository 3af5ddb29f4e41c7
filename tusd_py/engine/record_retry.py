"""Retries of work that no later request or sweep repeats."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress


async def retry(work: Callable[[], Awaitable[None]], pauses: Sequence[float], *errors: type[Exception]) -> None:
    """Run `work` until it raises none of `errors`, at most once after each of `pauses` (seconds). Returns, too, if the
    last run raises one of them."""
    for pause in pauses:
        await asyncio.sleep(pause)
        with suppress(*errors):
            await work()
            break
