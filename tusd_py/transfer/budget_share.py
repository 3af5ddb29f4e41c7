"""Limits on the share of the memory budget that all holders of one kind may have together.

So a thousand downloads leave memory for uploads, and large request heads leave memory for both.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

from tusd_py.transfer.budget import Budget


class Share:
    """A limit of 1/`fraction` of `budget`: bytes are charged to this limit first, then to the budget."""

    def __init__(self, budget: Budget, fraction: int) -> None:
        self._budgets = (Budget(budget.limit // fraction), budget)

    @property
    def used(self) -> int:
        """Bytes that its holders hold."""
        return self._budgets[0].used

    def holding(self) -> Holding:
        """Return a new, empty holding. The caller must close it."""
        return Holding(self._budgets)

    @asynccontextmanager
    async def hold(self, size: int) -> AsyncIterator[Holding]:
        """Wait for `size` bytes, and hold them while the context lasts."""
        holding = self.holding()
        try:
            await holding.acquire(size)
            yield holding
        finally:
            holding.close()


class Holding:
    """The bytes of one holder, in use except during `unless_claimed`: only then may the budget claim them, that is, ask
    for them back because others wait."""

    def __init__(self, budgets: tuple[Budget, ...]) -> None:
        self._accounts = [budget.account(self._claim, busy=True) for budget in budgets]
        self._waiting: asyncio.Timeout | None = None
        self._claimed = False

    @property
    def held_bytes(self) -> int:
        return self._accounts[-1].held_bytes

    async def acquire(self, size: int) -> None:
        """Charge `size` more bytes, after waiting until the budget has room for them. The holding must be closed also
        when the wait is cancelled.
        """
        for account in self._accounts:
            await account.acquire(size)

    def release(self, size: int) -> None:
        for account in reversed(self._accounts):
            account.release(size)

    def close(self) -> None:
        """Release all held bytes."""
        for account in reversed(self._accounts):
            account.close()

    async def unless_claimed(self, event: Awaitable[None]) -> bool:
        """Wait for `event`, and return True. If the budget claims the bytes of this holding meanwhile, stop waiting and
        return False: the caller must close the holding soon.
        """
        try:
            async with asyncio.timeout(None) as self._waiting:
                self._set_busy(busy=False)
                await event
        except TimeoutError:
            self._claimed = True
        finally:
            self._waiting = None
            self._set_busy(busy=True)
        return not self._claimed

    def _set_busy(self, *, busy: bool) -> None:
        for account in self._accounts:
            account.set_busy(busy=busy)

    def _claim(self) -> None:
        if self._claimed or self._waiting is None:
            return
        self._claimed = True
        for account in self._accounts:
            account.sending(account.held_bytes)
        self._waiting.reschedule(asyncio.get_running_loop().time())
