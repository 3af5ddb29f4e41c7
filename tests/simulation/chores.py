"""Background work on a node."""

from __future__ import annotations

import asyncio

from tusd_py.engine.engine import Engine
from tusd_py.engine.garbage_collection import collect_garbage
from tusd_py.engine.installation import renew
from tusd_py.engine.repair import repair
from tusd_py.transfer.budget import Budget

_CRUMBS = 4
"""Bytes of the memory budget that `hog` leaves free."""


async def tidied(engine: Engine) -> None:
    """Renew the installation's id, so that it isn't removed as an old object, then run garbage collection to its
    end."""
    await renew(engine)
    async for _ in collect_garbage(engine):
        pass


async def repaired(engine: Engine) -> None:
    """Run the repair of all uploads to its end, and apply it."""
    async for _ in repair(engine, apply=True):
        pass


async def hog(budget: Budget, seconds: float) -> None:
    """Hold all but `_CRUMBS` bytes of the memory budget for `seconds`, once they are free."""
    account = budget.account(lambda: None)
    try:
        await account.acquire(budget.limit - _CRUMBS)
        await asyncio.sleep(seconds)
    finally:
        account.close()
