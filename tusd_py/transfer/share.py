"""What each kind of holder may take of the memory budget in all, however many of them there are.

So a thousand downloads leave uploads their memory, and large heads leave both theirs.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

from tusd_py.transfer.budget import Budget


class Share:
    """One in `fraction` bytes of `budget`, which are the budget's all the same: first a place here, then there."""

    def __init__(self, budget: Budget, fraction: int) -> None:
        self._budgets = (Budget(budget.limit // fraction), budget)

    @property
    def used(self) -> int:
        """Bytes held of it."""
        return self._budgets[0].used

    def holding(self) -> Holding:
        """A new holder, of nothing yet; to be closed."""
        return Holding(self._budgets)

    @asynccontextmanager
    async def held(self, size: int) -> AsyncIterator[Holding]:
        """`size` bytes, waited for, while the block lasts."""
        holding = self.holding()
        try:
            await holding.acquire(size)
            yield holding
        finally:
            holding.close()


class Holding:
    """Bytes in use, that are asked for only during `unless_claimed`."""

    def __init__(self, budgets: tuple[Budget, ...]) -> None:
        self._accounts = [budget.account(self._claim, busy=True) for budget in budgets]
        self._waiting: asyncio.Timeout | None = None
        self._claimed = False

    @property
    def held(self) -> int:
        return self._accounts[-1].held

    async def acquire(self, size: int) -> None:
        """Wait until `size` more bytes may be held. To be closed also when this is cancelled."""
        for account in self._accounts:
            await account.acquire(size)

    def release(self, size: int) -> None:
        for account in reversed(self._accounts):
            account.release(size)

    def close(self) -> None:
        """Give everything back."""
        for account in reversed(self._accounts):
            account.close()

    async def unless_claimed(self, event: Awaitable[None]) -> bool:
        """Wait for `event`. False if the bytes are wanted elsewhere: whoever holds them then closes this soon."""
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
            account.sending(account.held)
        self._waiting.reschedule(asyncio.get_running_loop().time())
