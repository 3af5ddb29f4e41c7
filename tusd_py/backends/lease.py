"""A lease whose validity is judged by this process's clock alone."""

from __future__ import annotations

import asyncio
import math
import secrets
import sys
import time
from collections.abc import Callable

from tusd_py.domain.errors import Superseded
from tusd_py.domain.upload_id import UploadId

if sys.platform == "linux":

    def elapsed() -> float:
        """Return the seconds since boot, including those suspended: leases expire also during a suspension."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

else:
    elapsed = time.monotonic


class TimedLease:
    """A lease that is valid until its deadline, in seconds on the clock `elapsed`. A new one has no deadline and isn't
    valid."""

    def __init__(self, upload_id: UploadId, on_release_request: Callable[[], None]) -> None:
        self.upload_id = upload_id
        self.token = secrets.token_hex(16)
        """The id of this lease, unique among all processes."""
        self.freed = asyncio.Event()
        """Set when the lock that this lease waits for may have been released."""
        self.abandoned = False
        self.lost = False
        """True once `lose` or `abandon` was called: another process may have got the lock before the holder released
        it, or the holder abandoned the lease."""
        self._on_release_request = on_release_request
        self._release_requested = False
        self._deadline = -math.inf

    @property
    def valid(self) -> bool:
        return elapsed() < self._deadline

    @property
    def expired(self) -> bool:
        """True if the lease's deadline has passed and `end` was not called, before or since."""
        return -math.inf < self._deadline <= elapsed()

    def check(self) -> None:
        if not self.valid:
            raise Superseded(f"the lock on upload {self.upload_id} is no longer held")

    def extend(self, deadline: float) -> None:
        self._deadline = deadline

    def request_release(self) -> None:
        """Ask the holder to release the lock, unless it has been asked before."""
        if not self._release_requested:
            self._release_requested = True
            self._on_release_request()

    def end(self) -> None:
        """Make the lease invalid before its deadline."""
        self._deadline = -math.inf

    def abandon(self) -> None:
        self.lost = True

    def lose(self) -> None:
        """End the lease, since another process may hold the lock now, and ask the holder of the lease to stop."""
        self.lost = True
        self.end()
        self.request_release()
