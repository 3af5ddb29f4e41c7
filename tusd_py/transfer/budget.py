"""The process-wide byte budget that holds all part buffers. No room means not reading, and TCP slows the client."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable

Reclaim = Callable[[int], int]
"""Lets go of about that many bytes at once, as far as it holds any that it can do without; returns how many."""

_CLEAR = 4
"""The fraction of the budget that is kept clear of bytes that only lie there: who is fast needs much memory for a short
time, and gets next to nothing if it is only asked for once all is taken. With 500 clients at 50 KB/s in 128 MiB, and 30
ms for S3 to answer, a fast upload so keeps all its speed, and else 39 % of it (tests/simulation/test_crowd.py)."""

_OLD = 1.0
"""Seconds after which bytes that lie idle are a slow client's: a part fills sooner at 8 MB/s."""


class Budget:
    """Counts bytes in memory against `limit`; makes those who hold the oldest ones put them away when it gets tight."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0
        self._kept = 0
        """Of those in use, what can't be put away and nobody waits for."""
        self._waiting: deque[tuple[Account, int, asyncio.Future[None]]] = deque()
        self._idle: OrderedDict[Account, float] = OrderedDict()
        self._coming = 0
        self._reclaim: Reclaim = lambda _: 0

    def reclaim_from(self, reclaim: Reclaim) -> None:
        """Ask `reclaim` first when room is short: for caches, whose bytes are safe elsewhere."""
        self._reclaim = reclaim

    def account(self, spill: Callable[[], None], *, busy: bool = False) -> Account:
        """A new holder of bytes. `spill` asks it to put them away soon; it counts them as `sending` at once."""
        return Account(self, spill, busy=busy)

    async def acquire(self, account: Account, size: int) -> None:
        if self._waiting or not self._fits(size):
            await self._wait(account, size)
        else:
            self._charge(account, size)

    def spare(self, size: int) -> bool:
        """Charge `size` if it fits without anyone having to wait: for caches."""
        if self._waiting or not self._fits(size):
            return False
        self.used += size
        return True

    def free(self, size: int) -> None:
        """Give back `size` bytes, to whoever waits longest."""
        self.used -= size
        self._serve()

    def keep(self, change: int) -> None:
        """`change` more (or fewer) bytes are in use, whether there is room or not, until they are taken back here."""
        self._kept += change
        self.free(-change)

    def expect(self, change: int) -> None:
        """`change` more (or fewer) bytes are on their way to where they are safe, and will be freed without asking."""
        self._coming += change

    def set_idle(self, account: Account, *, idle: bool) -> None:
        """Whether `account` holds bytes that nothing is being done with. The longest idle is asked to spill first."""
        if not idle:
            self._idle.pop(account, None)
        elif account not in self._idle:
            self._idle[account] = _now()

    @property
    def tight(self) -> bool:
        """Somebody waits for room."""
        return bool(self._waiting)

    @property
    def left(self) -> int:
        """Bytes that nobody holds."""
        return self.limit - self.used

    def _fits(self, size: int) -> bool:
        return self.used + size <= self.limit or self.used == self._kept

    def _charge(self, account: Account, size: int) -> None:
        self.used += size
        account.charged(size)
        self._keep_clear(0, spared=account)

    def _keep_clear(self, size: int, *, spared: Account | None = None) -> None:
        """See to it that `size` bytes, and some for whoever is fast, are free or about to be."""
        wanted = size + self.limit // _CLEAR
        if (short := wanted - self.left) > 0:
            self.used -= self._reclaim(short)
        while (longest := self._longest_idle(spared)) and self._is_short(wanted, self._idle[longest]):
            self._idle.pop(longest)
            longest.spill()

    def _longest_idle(self, spared: Account | None) -> Account | None:
        return next((account for account in self._idle if account is not spared), None)

    def _is_short(self, wanted: int, since: float) -> bool:
        """Where S3 takes its time, what is on its way is asked for before it is free: so it counts for half, unless
        that would take bytes from who is filling a part right now."""
        old = _now() - since > _OLD
        return self.left + (self._coming // 2 if old else self._coming) < wanted

    async def _wait(self, account: Account, size: int) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((account, size, turn))
        self._serve()
        try:
            await turn
        except asyncio.CancelledError:
            self._leave(account, size, turn)
            raise

    def _leave(self, account: Account, size: int, turn: asyncio.Future[None]) -> None:
        """Cancelled: give back what was charged meanwhile, or let the line, which drops it, move on."""
        if turn.cancelled():
            self._serve()
        else:
            account.release(min(size, account.held))  # which may be closed by now, with that in it

    def _serve(self) -> None:
        while self._waiting:
            account, size, turn = self._waiting[0]
            if not turn.cancelled() and not self._make_room(size):
                return
            self._waiting.popleft()
            if not turn.cancelled():
                self._charge(account, size)
                turn.set_result(None)

    def _make_room(self, size: int) -> bool:
        if not self._fits(size):
            self._keep_clear(size)
        return self._fits(size)


class Account:
    """What one writer holds."""

    def __init__(self, budget: Budget, spill: Callable[[], None], *, busy: bool) -> None:
        self._budget = budget
        self.spill = spill
        self.held = 0
        self._sending = 0
        self._busy = busy

    async def acquire(self, size: int) -> None:
        """Wait until `size` more bytes may be held."""
        await self._budget.acquire(self, size)

    @property
    def idle(self) -> int:
        """How many of the held bytes nothing is being done with."""
        return 0 if self._busy else max(self.held - self._sending, 0)

    def set_busy(self, *, busy: bool) -> None:
        """Something is being done with all that is held, whatever is on its way. Else whoever waits may have it now."""
        self._busy = busy
        self._budget.set_idle(self, idle=self.idle > 0)
        if not busy:
            self._budget.free(0)

    def adopt(self, size: int) -> None:
        """Hold `size` bytes that are in memory already, whether there is room or not."""
        self._budget.used += size
        self.charged(size)

    def charged(self, size: int) -> None:
        self.held += size
        self._budget.set_idle(self, idle=self.idle > 0)

    def release(self, size: int) -> None:
        """`size` bytes are no longer held."""
        self.held -= size
        self._budget.set_idle(self, idle=self.idle > 0)
        self._budget.free(size)

    def sending(self, change: int) -> None:
        """`change` more (or fewer) of the held bytes are on their way to where they are safe."""
        self._sending += change
        self._budget.expect(change)
        self._budget.set_idle(self, idle=self.idle > 0)

    def close(self) -> None:
        """Give everything back."""
        self.sending(-self._sending)
        self.release(self.held)


def _now() -> float:
    return asyncio.get_running_loop().time()
