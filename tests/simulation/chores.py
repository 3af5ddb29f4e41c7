"""What goes on beside requests on a node."""

from __future__ import annotations

import asyncio

from tusd_py.engine.installation import renew
from tusd_py.engine.ports import Ports
from tusd_py.engine.repair import repair
from tusd_py.engine.tidy import tidy
from tusd_py.pipeline.budget import Budget

_CRUMBS = 4
"""Bytes that are left where memory is squeezed."""


async def tidied(ports: Ports) -> None:
    """The garbage round, to its end, and what keeps the installation's id from looking like garbage to others."""
    await renew(ports)
    async for _ in tidy(ports):
        pass


async def repaired(ports: Ports) -> None:
    """Whatever can be."""
    async for _ in repair(ports, apply=True):
        pass


async def hog(budget: Budget, seconds: float) -> None:
    """Hold nearly all of the memory for so long."""
    account = budget.account(lambda: None)
    try:
        await account.acquire(budget.limit - _CRUMBS)
        await asyncio.sleep(seconds)
    finally:
        account.close()
