"""The port to turns. Locks are for manners, revisions for safety: a lost lock costs time, never bytes."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from tusd_py.domain.upload import UploadId


class Lease(Protocol):
    """The right to write to one upload for now."""

    @property
    def valid(self) -> bool:
        """False once this process can no longer be sure that nobody else has the turn."""

    @property
    def abandoned(self) -> bool:
        """True if the last holder never gave the lease back: it died, stood still too long, or was cancelled.

        What it had begun is recorded nowhere, and what it had on its way may take effect yet.
        """

    def abandon(self) -> None:
        """Make it abandoned for the next holder, as far as the maker tells other processes."""

    def check(self) -> None:
        """Raise Superseded unless `valid`. Called before each write that others could see."""


class Locker(Protocol):
    """Hands out turns, one holder an upload. Every maker passes tests/contracts."""

    def hold(
        self, upload_id: UploadId, *, on_release_request: Callable[[], None], wait: float
    ) -> AbstractAsyncContextManager[Lease]:
        """Ask whoever holds the upload to leave, then hold it until the context ends.

        `on_release_request` is called (on the event loop, at most once) when somebody else asks this holder to leave.
        It is also called when the lease was lost. Waiters get their turn in the order they came, where the maker can.
        With `wait` 0 the holder is not asked: the turn is there or it isn't.

        Raises on entry: Locked when the turn did not come within `wait` seconds; StateUnavailable.
        """

    async def abandoned(self) -> Collection[UploadId]:
        """Uploads that nobody holds and whose last holder never gave its lease back. Raises StateUnavailable."""

    async def aclose(self) -> None:
        """Let go of connections, files and tasks."""
