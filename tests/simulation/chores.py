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
    """Write the installation's id to the storage again, so that no lifecycle rule removes it as an old object, then run
    garbage collection to its end. Raises Unavailable."""
    await renew(engine)
    async for _ in collect_garbage(engine):
        pass


async def repaired(engine: Engine) -> None:
    """Run the repair of all uploads, with its changes applied, to its end. Raises Unavailable."""
    async for _ in repair(engine, apply=True):
        pass


async def hog(budget: Budget, seconds: float) -> None:
    """Wait until all but 4 bytes (`_CRUMBS`) of the memory budget can be had, and hold them for `seconds`."""
    account = budget.account(lambda: None)
    try:
        await account.acquire(budget.limit - _CRUMBS)
        await asyncio.sleep(seconds)
    finally:
        account.close()
