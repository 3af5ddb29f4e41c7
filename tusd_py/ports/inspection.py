"""The port to all that a storage holds: for garbage collection, repair and self-tests, not for serving uploads."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from tusd_py.domain.checkpoint import Entry
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """A stored item that is not the object of a finished regular or final upload: needed by an upload, or orphaned by
    a crash."""

    upload_id: UploadId
    name: str
    """The name for people, by which the storage finds the item."""
    since: float
    """The time of its last write (of a multipart upload: its start), in seconds since the epoch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """An upload without a record, reconstructed from the storage alone."""

    upload: Upload
    """The upload, with length None and empty metadata where they are unknown."""
    entries: Sequence[Entry] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A self-test of one place that bytes are stored in."""

    name: str
    place: str
    """The name of the place for people."""
    run: Callable[[], Awaitable[None]]
    """Tries the requests that uploads need at the place, and removes what they stored. Raises StorageUnavailable if one
    fails."""


class Inspection(Protocol):
    """Lists and removes what is stored. Every method that asks the storage may raise StorageUnavailable."""

    def leftovers(self) -> AsyncIterator[Leftover]:
        """Yield all leftovers of this server, found by listing the storage; objects of partial uploads are among them.
        Raises WrongPair if a bucket that only hooks choose belongs to another storage."""

    def needs(self, upload: Upload, leftover: Leftover) -> bool:
        """Return True if the upload, as recorded, needs the leftover."""

    async def remove(self, leftover: Leftover) -> None:
        """Remove the leftover, if it exists."""

    async def recover(self, upload_id: UploadId, leftovers: Sequence[Leftover]) -> Recovered | None:
        """Return the unfinished upload, or the finished partial upload, that these leftovers belong to: for repair,
        after the upload's record was lost.

        The upload has all stored bytes before the first gap, recorded or not. Returns None if there are neither such
        bytes nor an info object, if a regular or final upload has its finished object, or if the leftovers are gone
        meanwhile.
        """

    def trials(self) -> Sequence[Trial]:
        """Return the self-tests for an operator."""
