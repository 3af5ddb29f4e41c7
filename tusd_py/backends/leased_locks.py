"""Turns among processes: first the turn within this process, then a lease in a place they all see."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from typing import ClassVar

from tusd_py.backends.lease import TimedLease, elapsed
from tusd_py.backends.memory.locks import MemoryLocker
from tusd_py.domain.errors import Locked, StateUnavailable
from tusd_py.domain.upload import UploadId
from tusd_py.ports.locks import Lease
from tusd_py.tasks import end

_TICK = 0.1
"""Seconds between two looks at the leases that are held."""

_MARGIN = 0.1
"""The share of the TTL by which a holder stops before others may begin."""


class SharedLocker(ABC):
    """What lockers for many processes have in common; a maker says how to take, renew and drop a lease.

    A lease is valid until `ttl` seconds, less a margin, after its last renewal was *sent*. It is renewed every third of
    the `ttl`, all that are held in one go. One task does that, and lives while anything is held or waited for.
    """

    retry_seconds: ClassVar[float]
    """How long a waiter waits for word before it tries again anyway."""

    def __init__(self, ttl: float) -> None:
        self._ttl = ttl
        self._turns = MemoryLocker()
        self._leases: dict[UploadId, TimedLease] = {}
        self._keeper: asyncio.Task[None] | None = None
        self._renewed_at = 0.0

    @abstractmethod
    async def _take(self, lease: TimedLease, *, ask: bool) -> bool:
        """True once `lease` is the holder's. If another is, ask that one to leave if `ask`."""

    @abstractmethod
    async def _renew(self, leases: Sequence[TimedLease]) -> Collection[str]:
        """Give each another TTL; the tokens of those that are still the holder's."""

    @abstractmethod
    async def _drop(self, lease: TimedLease, *, abandoned: bool) -> None:
        """Let the next one in, if `lease` is the holder's; with `abandoned`, as if the holder had died."""

    @abstractmethod
    async def _asked(self) -> Collection[str]:
        """The tokens of those that others ask to leave, as far as a maker has to look for them."""

    @abstractmethod
    async def abandoned(self) -> Collection[UploadId]:
        """See `ports.locks.Locker`."""

    @asynccontextmanager
    async def hold(
        self, upload_id: UploadId, *, on_release_request: Callable[[], None], wait: float
    ) -> AsyncIterator[Lease]:
        give_up = elapsed() + wait
        lease = TimedLease(upload_id, on_release_request)
        async with self._turns.hold(upload_id, on_release_request=lease.ask, wait=wait):
            self._leases[upload_id] = lease
            self._start_keeper()
            unsure = True
            try:
                await self._acquire(lease, give_up, ask=wait > 0)
                unsure = False
                yield lease
            except asyncio.CancelledError:
                unsure = True
                raise
            finally:  # what was taken without an answer may have been taken from a dead holder
                abandoned = unsure or lease.lost or lease.expired
                lease.end()
                del self._leases[upload_id]
                with suppress(StateUnavailable):  # then it runs out by itself
                    await self._drop(lease, abandoned=abandoned)

    async def aclose(self) -> None:
        await end(self._keeper)

    async def _acquire(self, lease: TimedLease, give_up: float, *, ask: bool) -> None:
        while not await self._try(lease, ask=ask):
            remaining = give_up - elapsed()
            if remaining <= 0:
                raise Locked(f"upload {lease.upload_id} is held by another process")
            with suppress(TimeoutError):
                async with asyncio.timeout(min(remaining, self.retry_seconds)):
                    await lease.freed.wait()

    async def _try(self, lease: TimedLease, *, ask: bool) -> bool:
        lease.freed.clear()
        sent = elapsed()
        taken = await self._take(lease, ask=ask)
        if taken:
            lease.extend(self._deadline(sent))
        return taken

    def _deadline(self, sent: float) -> float:
        return sent + self._ttl * (1 - _MARGIN)

    def _start_keeper(self) -> None:
        if self._keeper is None or self._keeper.done():
            self._renewed_at = elapsed()
            self._keeper = asyncio.create_task(self._keep(), name="lease keeper")

    async def _keep(self) -> None:
        while self._leases:
            await asyncio.sleep(_TICK)
            for lease in self._leases.values():
                if lease.expired:
                    lease.lose()
            with suppress(StateUnavailable, TimeoutError):  # tried again at the next tick, until they run out
                async with asyncio.timeout(self._ttl / 3):
                    await self._tend([lease for lease in self._leases.values() if lease.valid])

    async def _tend(self, held: Sequence[TimedLease]) -> None:
        if not held:
            return
        asked = await self._asked()
        for lease in held:
            if lease.token in asked:
                lease.ask()
        if elapsed() - self._renewed_at >= self._ttl / 3:
            await self._renew_all(held)

    async def _renew_all(self, held: Sequence[TimedLease]) -> None:
        sent = elapsed()
        kept = await self._renew(held)
        self._renewed_at = sent
        for lease in held:
            if self._leases.get(lease.upload_id) is not lease:
                continue  # its holder left meanwhile
            if lease.token in kept:
                lease.extend(self._deadline(sent))
            else:
                lease.lose()
