"""The closing of generators that a library reads from another thread."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

_AGAIN_SECONDS = 0.05


@asynccontextmanager
async def closing_all(*sources: AsyncGenerator[Any, None]) -> AsyncIterator[None]:
    """Close the sources at the end of the context, in order. While a thread takes a piece from a source, wait and try
    again."""
    try:
        yield
    finally:
        for source in sources:
            await _close(source)


async def _close(source: AsyncGenerator[Any, None]) -> None:
    closed = False
    while not closed:
        try:
            await source.aclose()
            closed = True
        except RuntimeError:  # it is running
            await asyncio.sleep(_AGAIN_SECONDS)
