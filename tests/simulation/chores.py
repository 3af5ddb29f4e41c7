"""Background work on a node."""

from __future__ import annotations

import asyncio

from tusd_py.engine.engine import Engine
from tusd_py.engine.garbage_collection import collect_garbage
from tusd_py.engine.installation import renew
from tusd_py.engine.repair import repair
from tusd_py.transfer.budget import Budget

_CRUMBS = 4
"""Bytes that are left where memory is squeezed."""


async def tidied(engine: Engine) -> None:
    """Do the hourly round to its end, and renew the installation's id, lest it look like an orphan to others."""
    await renew(engine)
    async for _ in collect_garbage(engine):
        pass


async def repaired(engine: Engine) -> None:
    """Repairs all that can be."""
    async for _ in repair(engine, apply=True):
        pass


async def hog(budget: Budget, seconds: float) -> None:
    """Hold nearly all of the memory for so long."""
    account = budget.account(lambda: None)
    try:
        await account.acquire(budget.limit - _CRUMBS)
        await asyncio.sleep(seconds)
    finally:
        account.close()
