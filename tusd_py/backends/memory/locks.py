"""Locks within one process, granted in order of arrival."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager

from tusd_py.backends.lease import TimedLease
from tusd_py.domain.errors import Locked
from tusd_py.domain.upload_id import UploadId
from tusd_py.ports.locks import Lease


class MemoryLocker:
    """A locker with one queue for each upload: the first lease in it is the holder's, and is valid until released."""

    def __init__(self) -> None:
        self._queues: dict[UploadId, deque[TimedLease]] = {}

    @asynccontextmanager
    async def hold(
        self, upload_id: UploadId, *, on_release_request: Callable[[], None], wait: float
    ) -> AsyncIterator[Lease]:
        lease = TimedLease(upload_id, on_release_request)
        queue = self._queues.setdefault(upload_id, deque())
        queue.append(lease)
        try:
            await _wait_for_lock(lease, queue, wait)
            lease.extend(math.inf)
            yield lease
        finally:
            lease.end()
            self._release(lease, queue)

    async def abandoned(self) -> Collection[UploadId]:
        return ()  # leases end with the only process

    async def aclose(self) -> None:
        """Do nothing: no resource is open."""

    def _release(self, lease: TimedLease, queue: deque[TimedLease]) -> None:
        queue.remove(lease)
        if queue:
            queue[0].freed.set()
        else:
            del self._queues[lease.upload_id]


async def _wait_for_lock(lease: TimedLease, queue: deque[TimedLease], wait: float) -> None:
    if queue[0] is not lease:
        await _wait(lease, queue[0], wait)
    if queue[-1] is not lease:
        lease.request_release()  # another waits already


async def _wait(lease: TimedLease, holder: TimedLease, wait: float) -> None:
    if wait <= 0:
        raise Locked(f"upload {lease.upload_id} is held")
    holder.request_release()
    try:
        async with asyncio.timeout(wait):
            await lease.freed.wait()
    except TimeoutError:
        raise Locked(f"upload {lease.upload_id} did not get free in {wait} s") from None
