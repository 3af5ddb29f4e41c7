"""A lease that this process judges by its own clock, asking nobody."""

from __future__ import annotations

import asyncio
import math
import secrets
import sys
import time
from collections.abc import Callable

from tusd_py.domain.errors import Superseded
from tusd_py.domain.upload import UploadId

if sys.platform == "linux":

    def elapsed() -> float:
        """Seconds since boot, asleep or awake: what a suspended machine held has run out when it wakes."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

else:
    elapsed = time.monotonic


class TimedLease:
    """Valid until its deadline, in seconds of `elapsed`. It begins without one, and so not valid."""

    def __init__(self, upload_id: UploadId, on_release_request: Callable[[], None]) -> None:
        self.upload_id = upload_id
        self.token = secrets.token_hex(16)
        """Tells this hold from every other, in every process."""
        self.freed = asyncio.Event()
        """Set when the upload may have got free while this one waits for it."""
        self.abandoned = False
        self.lost = False
        """It ended before its holder left, or its holder leaves as if it had."""
        self._on_release_request = on_release_request
        self._asked = False
        self._deadline = -math.inf

    @property
    def valid(self) -> bool:
        return elapsed() < self._deadline

    @property
    def expired(self) -> bool:
        """It was valid, and nobody ended it in time."""
        return -math.inf < self._deadline <= elapsed()

    def check(self) -> None:
        if not self.valid:
            raise Superseded(f"the turn to write to upload {self.upload_id} is over")

    def extend(self, deadline: float) -> None:
        self._deadline = deadline

    def ask(self) -> None:
        """Somebody wants the upload: tell the holder, once."""
        if not self._asked:
            self._asked = True
            self._on_release_request()

    def end(self) -> None:
        """No longer valid, whatever the clock says."""
        self._deadline = -math.inf

    def abandon(self) -> None:
        self.lost = True

    def lose(self) -> None:
        """Somebody else may have the upload: the holder must leave."""
        self.lost = True
        self.end()
        self.ask()
