"""The port to locks. Locks keep writers apart, revisions keep data safe: a lost lock costs time, never bytes."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from tusd_py.domain.upload_id import UploadId


class Lease(Protocol):
    """The lock holder's right to write to one upload, until it runs out or is released."""

    @property
    def valid(self) -> bool:
        """False once another process may hold the lock."""

    @property
    def abandoned(self) -> bool:
        """True if the last holder may never have released its lease: it died, paused too long, was cancelled, called
        `abandon` or couldn't reach the store.

        Its unfinished writes may be recorded nowhere, and its pending requests may still take effect.
        """

    def abandon(self) -> None:
        """Mark the lease as abandoned for the next holder, if the adapter can tell other processes."""

    def check(self) -> None:
        """Raise Superseded unless `valid`. A storage's writer calls this before it stores anything."""


class Locker(Protocol):
    """Locks uploads, with one holder each. Every adapter passes tests/contracts."""

    def hold(
        self, upload_id: UploadId, *, on_release_request: Callable[[], None], wait: float
    ) -> AbstractAsyncContextManager[Lease]:
        """Ask the current holder to release the lock, then hold it until the context ends.

        `on_release_request` is called (on the event loop, at most once) when another waiter asks this holder to release
        the lock, or when the lease is lost. Waiters are served in order of arrival, if the adapter can.
        With `wait` 0 the current holder is not asked: the lock is free, or Locked is raised.

        Raises on entry: Locked if the lock wasn't free within `wait` seconds; StateUnavailable.
        """

    async def abandoned(self) -> Collection[UploadId]:
        """Return the unlocked uploads whose last holder never released its lease, or marked it as abandoned. Raises
        StateUnavailable."""

    async def aclose(self) -> None:
        """Close connections and files, and end tasks."""
