"""The port to the other processes that share a state: each tells the others which uploads have changed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from tusd_py.domain.upload_id import UploadId


class Bus(Protocol):
    """Announces changed uploads to the other processes. Announcements may be lost, or come without a change: so a
    process reads the record of an upload with listeners after each that may be about it, and also from time to time. No
    method raises if the bus is unreachable."""

    def publish(self, upload_id: UploadId) -> None:
        """Announce that the upload has changed. Returns at once; several announcements of one upload may become one."""

    def listening(self, notify: Callable[[UploadId | None], None]) -> AbstractAsyncContextManager[None]:
        """Call `notify` for each upload that another process announces, until the end of the context; with None if any
        upload may have changed. An adapter may also pass on what this process announces."""
