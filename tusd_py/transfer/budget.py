"""The memory budget of one server: a limit on the bytes of its buffers. While it is used up, bodies for S3 aren't read,
and TCP slows the clients."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable

Reclaim = Callable[[int], int]
"""A function that frees about the given number of cached bytes before it returns, or all if there are fewer; it returns
the number of bytes freed."""

_HEADROOM = 4
"""The divisor of the budget that gives its headroom, which is kept free of idle bytes: a fast client needs much memory
for a short time, and gets very little if idle bytes are spilled only once the budget is used up. With 500 clients at 50
KB/s in 128 MiB, and 30 ms for S3 to answer, a fast upload keeps all its speed; without the headroom, 39 % of it
(tests/simulation/test_crowd.py)."""

_OLD = 1.0
"""The seconds that bytes must be idle to be taken for a slow client's: at 10 MB/s a part of 8 MiB fills sooner."""


class Budget:
    """A limit on bytes in memory. They are charged to their holders' accounts (`Account`), or, for caches, reading
    ahead and pinned bytes (`pin`), to none. When memory is short, that is, less than a quarter of the limit is free or
    an account waits, the accounts that have had idle bytes (neither in use nor being sent) for longest are asked to
    spill: to store or drop these bytes, and to release them."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0
        self._pinned = 0
        """The bytes that `pin` has counted as used, without a wait for room: no account can store or drop them."""
        self._waiting: deque[tuple[Account, int, asyncio.Future[None]]] = deque()
        self._idle: OrderedDict[Account, float] = OrderedDict()
        self._sending = 0
        self._reclaim: Reclaim = lambda _: 0

    def reclaim_from(self, reclaim: Reclaim) -> None:
        """Have `reclaim` called when memory is short, before any account is asked to spill: it drops about the given
        number of cached bytes, which are stored elsewhere, and returns the number dropped. The budget then releases
        that number: `reclaim` must call no method of the budget. Replaces an earlier one."""
        self._reclaim = reclaim

    def account(self, spill: Callable[[], None], *, busy: bool = False) -> Account:
        """Return a new account. `spill` is called when memory is short. Unless the account's idle bytes will soon be
        released anyway, `spill` must count them as being sent (`Account.sending`) before it returns, and the holder
        must store or drop them, and then release them, soon. With `busy`, the account's bytes are in use, so not idle,
        until `Account.set_busy`."""
        return Account(self, spill, busy=busy)

    async def acquire(self, account: Account, size: int) -> None:
        """Charge `size` bytes to the account, once they fit, or once all used bytes are pinned (`pin`: bytes that
        can't be spilled); waiters are served in order.
        """
        if self._waiting or not self._fits(size):
            await self._wait(account, size)
        else:
            self._charge(account, size)

    def try_charge(self, size: int) -> bool:
        """Charge `size` bytes to no account and return True, if no account waits, and they fit or all used bytes are
        pinned (`pin`); else return False. For caches and reading ahead; `free` releases the bytes."""
        if self._waiting or not self._fits(size):
            return False
        self.used += size
        return True

    def free(self, size: int) -> None:
        """Release `size` bytes that no account holds (an account's are released by `Account.release`), then charge the
        accounts that wait, in order, until the bytes of one don't fit, even after cached bytes were dropped: then
        accounts with idle bytes are asked to spill."""
        self.used -= size
        self._grant()

    def pin(self, change: int) -> None:
        """Count `change` more (if negative, fewer) bytes as used, even above the limit. No account can spill these
        bytes, that is, store or drop them and then release them.
        """
        self._pinned += change
        self.free(-change)

    def add_sending(self, change: int) -> None:
        """Count `change` more (if negative, fewer) bytes as being sent: they will be released without a request to
        their account to store or drop them.
        """
        self._sending += change

    def set_idle(self, account: Account, *, idle: bool) -> None:
        """Mark the account as one with idle bytes, or as one without. The account that has been idle for longest
        is asked to spill first.
        """
        if not idle:
            self._idle.pop(account, None)
        elif account not in self._idle:
            self._idle[account] = _now()

    @property
    def tight(self) -> bool:
        """True if an account waits for room in the budget."""
        return bool(self._waiting)

    @property
    def available(self) -> int:
        """Bytes of the limit that aren't used; negative if more than the limit are."""
        return self.limit - self.used

    def _fits(self, size: int) -> bool:
        return self.used + size <= self.limit or self.used == self._pinned

    def _charge(self, account: Account, size: int) -> None:
        self.used += size
        account.add(size)
        self._ensure_headroom(0, exempt=account)

    def _ensure_headroom(self, size: int, *, exempt: Account | None = None) -> None:
        """Reclaim cached bytes, and ask accounts other than `exempt` to spill, until `size` bytes and the headroom (a
        quarter of the limit) are available or about to be (`_is_short`), or all with idle bytes have been asked."""
        target = size + self.limit // _HEADROOM
        if (short := target - self.available) > 0:
            self.used -= self._reclaim(short)
        while (longest := self._longest_idle(exempt)) and self._is_short(target, self._idle[longest]):
            self._idle.pop(longest)
            longest.spill()

    def _longest_idle(self, exempt: Account | None) -> Account | None:
        return next((account for account in self._idle if account is not exempt), None)

    def _is_short(self, target: int, idle_since: float) -> bool:
        """Return True if the bytes that are available or being sent are fewer than `target`.

        Bytes being sent count for half, as a slow S3 frees them late. They count fully if the longest idle account
        became idle a second ago or less (`idle_since`, by the event loop's clock), as the client of that account may be
        filling a part.
        """
        old = _now() - idle_since > _OLD
        return self.available + (self._sending // 2 if old else self._sending) < target

    async def _wait(self, account: Account, size: int) -> None:
        granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((account, size, granted))
        self._grant()
        try:
            await granted
        except asyncio.CancelledError:
            self._cancel(account, size, granted)
            raise

    def _cancel(self, account: Account, size: int, granted: asyncio.Future[None]) -> None:
        """Undo a cancelled wait: release the bytes if the account was charged for them meanwhile, else serve
        the next waiters.
        """
        if granted.cancelled():
            self._grant()
        else:
            account.release(min(size, account.held_bytes))  # less if it was closed meanwhile

    def _grant(self) -> None:
        while self._waiting:
            account, size, granted = self._waiting[0]
            if not granted.cancelled() and not self._try_to_fit(size):
                return
            self._waiting.popleft()
            if not granted.cancelled():
                self._charge(account, size)
                granted.set_result(None)

    def _try_to_fit(self, size: int) -> bool:
        if not self._fits(size):
            self._ensure_headroom(size)
        return self._fits(size)


class Account:
    """The bytes in memory that one holder, such as the writer of an upload, has charged to the budget."""

    def __init__(self, budget: Budget, spill: Callable[[], None], *, busy: bool) -> None:
        self._budget = budget
        self.spill = spill
        self.held_bytes = 0
        self._sending = 0
        self._busy = busy

    async def acquire(self, size: int) -> None:
        """Charge `size` more bytes, after waiting until the budget has room for them, or all its used bytes are pinned
        (`Budget.pin`)."""
        await self._budget.acquire(self, size)

    @property
    def idle(self) -> int:
        """The number of held bytes that are neither in use nor being sent: they may be spilled."""
        return 0 if self._busy else max(self.held_bytes - self._sending, 0)

    def set_busy(self, *, busy: bool) -> None:
        """Count all held bytes, and those charged from now on, as in use (`busy`), or, but for bytes being sent, as
        idle: if accounts wait, idle bytes may be spilled at once."""
        self._busy = busy
        self._budget.set_idle(self, idle=self.idle > 0)
        if not busy:
            self._budget.free(0)

    def adopt(self, size: int) -> None:
        """Charge `size` bytes that are in memory already, even above the limit."""
        self._budget.used += size
        self.add(size)

    def add(self, size: int) -> None:
        """Count `size` more bytes as held, which the budget has charged already."""
        self.held_bytes += size
        self._budget.set_idle(self, idle=self.idle > 0)

    def release(self, size: int) -> None:
        """Release `size` of the held bytes."""
        self.held_bytes -= size
        self._budget.set_idle(self, idle=self.idle > 0)
        self._budget.free(size)

    def sending(self, change: int) -> None:
        """Count `change` more (if negative, fewer) of the held bytes as being sent to storage."""
        self._sending += change
        self._budget.add_sending(change)
        self._budget.set_idle(self, idle=self.idle > 0)

    def keep(self) -> None:
        """Count none of the held bytes as being sent. If an account waits and its bytes don't fit, accounts with idle
        bytes are asked to spill: this one too, unless it is busy."""
        self.sending(-self._sending)
        self._budget.free(0)

    def close(self) -> None:
        """Release all held bytes."""
        self.sending(-self._sending)
        self.release(self.held_bytes)


def _now() -> float:
    return asyncio.get_running_loop().time()
