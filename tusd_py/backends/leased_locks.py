"""Locks among processes: first a lock within this process, then a lease in a store that all of them share."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from typing import ClassVar

from tusd_py.backends.lease import TimedLease, elapsed
from tusd_py.backends.memory.locks import MemoryLocker
from tusd_py.domain.errors import Locked, StateUnavailable
from tusd_py.domain.upload_id import UploadId
from tusd_py.ports.locks import Lease
from tusd_py.tasks import end

_TICK = 0.1
"""Seconds between two rounds in which a locker looks through its own leases, those it holds or waits for: it ends the
expired ones, asks holders to release locks that others wait for, and renews the leases when that is due."""

_MARGIN = 0.1
"""The share of the TTL by which a holder stops before its lease expires for others."""


class SharedLocker(ABC):
    """The common part of lockers for many processes; an adapter takes, renews and drops leases in its store.

    A lease is valid until `ttl` seconds, less a margin, after the request that took or last renewed it was *sent*. All
    held leases are renewed together every third of the `ttl`, by one task that runs while any lease is held or waited
    for.
    """

    retry_seconds: ClassVar[float]
    """Seconds after which a task that waits for a lock tries again to take the lease, even if nothing has told it that
    the lock may be free."""

    def __init__(self, ttl: float) -> None:
        self._ttl = ttl
        self._local_locker = MemoryLocker()
        self._leases: dict[UploadId, TimedLease] = {}
        self._maintenance: asyncio.Task[None] | None = None
        self._renewed_at = 0.0

    @abstractmethod
    async def _take(self, lease: TimedLease, *, ask: bool) -> bool:
        """Take the lease and return True; set `lease.abandoned` to True if the last holder never released its own.
        While another lease holds the lock, return False, and with `ask` ask its holder to release it. Raises
        StateUnavailable."""

    @abstractmethod
    async def _renew(self, leases: Sequence[TimedLease]) -> Collection[str]:
        """Extend the leases to a TTL from now; return the tokens of those that were still held. Raises
        StateUnavailable."""

    @abstractmethod
    async def _drop(self, lease: TimedLease, *, abandoned: bool) -> None:
        """Release the lease if it is still held; with `abandoned`, so that the next holder sees it as never released.
        Raises StateUnavailable."""

    @abstractmethod
    async def _release_requests(self) -> Collection[str]:
        """Return the tokens of this process's leases whose locks other processes wait for; none if the adapter is told
        of such waits by messages. Raises StateUnavailable."""

    @abstractmethod
    async def abandoned(self) -> Collection[UploadId]:
        """Return the unlocked uploads whose last holder never released its lease (`ports.locks.Locker`). Raises
        StateUnavailable."""

    @asynccontextmanager
    async def hold(
        self, upload_id: UploadId, *, on_release_request: Callable[[], None], wait: float
    ) -> AsyncIterator[Lease]:
        give_up = elapsed() + wait
        lease = TimedLease(upload_id, on_release_request)
        async with self._local_locker.hold(upload_id, on_release_request=lease.request_release, wait=wait):
            self._leases[upload_id] = lease
            self._start_maintenance()
            unsure = True
            try:
                await self._acquire(lease, give_up, ask=wait > 0)
                unsure = False
                yield lease
            except asyncio.CancelledError:
                unsure = True
                raise
            finally:  # without an answer, the lease may have been taken from a dead holder
                abandoned = unsure or lease.lost or lease.expired
                lease.end()
                del self._leases[upload_id]
                with suppress(StateUnavailable):  # then it expires
                    await self._drop(lease, abandoned=abandoned)

    async def aclose(self) -> None:
        await end(self._maintenance)

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
        sent_at = elapsed()
        acquired = await self._take(lease, ask=ask)
        if acquired:
            lease.extend(self._deadline(sent_at))
        return acquired

    def _deadline(self, sent_at: float) -> float:
        return sent_at + self._ttl * (1 - _MARGIN)

    def _start_maintenance(self) -> None:
        if self._maintenance is None or self._maintenance.done():
            self._renewed_at = elapsed()
            self._maintenance = asyncio.create_task(self._maintain(), name="lease maintenance")

    async def _maintain(self) -> None:
        while self._leases:
            await asyncio.sleep(_TICK)
            for lease in self._leases.values():
                if lease.expired:
                    lease.lose()
            with suppress(StateUnavailable, TimeoutError):  # tried again at the next tick, until the leases expire
                async with asyncio.timeout(self._ttl / 3):
                    await self._tick([lease for lease in self._leases.values() if lease.valid])

    async def _tick(self, leases: Sequence[TimedLease]) -> None:
        if not leases:
            return
        requests = await self._release_requests()
        for lease in leases:
            if lease.token in requests:
                lease.request_release()
        if elapsed() - self._renewed_at >= self._ttl / 3:
            await self._renew_all(leases)

    async def _renew_all(self, leases: Sequence[TimedLease]) -> None:
        sent_at = elapsed()
        tokens = await self._renew(leases)
        self._renewed_at = sent_at
        for lease in leases:
            if self._leases.get(lease.upload_id) is not lease:
                continue  # released meanwhile
            if lease.token in tokens:
                lease.extend(self._deadline(sent_at))
            else:
                lease.lose()
