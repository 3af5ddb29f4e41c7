"""Limits on the share of the memory budget that all holders of one kind may have together.

So a thousand downloads leave memory for uploads, and large request heads leave memory for both.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from functools import partial

from tusd_py.transfer.budget import Budget

_FRACTION = 4
"""The divisor of the budget that gives the most bytes that one holding charges to the budget: while a holding waits for
more, all later ones wait."""


_PIECE = 1024 * 1024
"""The most bytes for which a holding waits in the budget at one time. The budget serves waiters in order, so free bytes
would stay unused while the first waiter needs more than these. Before that, the share grants a holding all of its bytes
at once: so no two holdings have some pieces each and wait for each other's."""


class Share:
    """A limit of 1/`fraction` of `budget`: bytes are charged to this limit first, then to the budget."""

    def __init__(self, budget: Budget, fraction: int) -> None:
        self._budgets = (Budget(budget.limit // fraction), budget)

    @property
    def used(self) -> int:
        """The bytes of this limit that holdings have taken, also those only reserved (`Holding.reserve`)."""
        return self._budgets[0].used

    def holding(self) -> Holding:
        """Return a new holding: the account of the bytes that one holder charges to the share and the budget, none yet.
        The caller must close it."""
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
    """The bytes of one holder, in use except during `unless_claimed`: only then may they be claimed, that is, asked for
    because less than a quarter of the budget or of the share is free, or others wait for either."""

    def __init__(self, budgets: tuple[Budget, Budget]) -> None:
        self._share, self._whole = (budget.account(self._claim, busy=True) for budget in budgets)
        self._accounts = (self._share, self._whole)
        self._limit = budgets[1].limit // _FRACTION
        self._waiting: asyncio.Timeout | None = None
        self._claimed = False

    @property
    def held_bytes(self) -> int:
        return self._whole.held_bytes

    async def acquire(self, size: int) -> None:
        """Charge `size` more bytes to the share, then to the budget, after waiting for room in each; to the budget no
        more than a quarter of it in all (`charge`). The holding must be closed also when the wait is cancelled."""
        await self.reserve(size)
        await self.charge(size)

    async def reserve(self, size: int) -> None:
        """Charge `size` more bytes to the share alone, after waiting until it has room for them; `charge` must follow
        for those that are needed."""
        await self._share.acquire(size)

    async def charge(self, size: int) -> None:
        """Charge `size` more of the reserved bytes to the budget, after waiting until they fit. Once this holding has
        charged a quarter of the budget, further bytes aren't charged: while it waits, all later accounts wait, too."""
        lacking = min(size, self._limit - self._whole.held_bytes)
        while lacking > 0:
            piece = min(lacking, _PIECE)
            await self._whole.acquire(piece)
            lacking -= piece

    def release(self, size: int) -> None:
        for account in reversed(self._accounts):
            account.release(min(size, account.held_bytes))

    def close(self) -> None:
        """Release all held bytes."""
        for account in reversed(self._accounts):
            account.close()

    async def unless_claimed(self, event: Awaitable[object], after: float = 0.0) -> bool:
        """Wait for `event`, and return True. Once `after` seconds have passed, the bytes of this holding may be
        claimed; only if they are, cancel the wait and return False: the caller must close the holding soon, or `keep`
        it. Raises what `event` raises, which must be no TimeoutError: that would count as a claim."""
        timer = asyncio.get_running_loop().call_later(after, partial(self._set_busy, busy=False))
        try:
            async with asyncio.timeout(None) as self._waiting:
                await event
        except TimeoutError:
            self._claimed = True
        finally:
            timer.cancel()
            self._waiting = None
            self._set_busy(busy=True)
        return not self._claimed

    def keep(self) -> None:
        """Keep the bytes, although the budget asked for them (`unless_claimed` returned False): they are in use again,
        and can't be claimed until the next `unless_claimed`. If others wait for bytes, the budget asks the holders of
        bytes that aren't in use for theirs instead."""
        self._claimed = False
        for account in self._accounts:
            account.keep()

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
