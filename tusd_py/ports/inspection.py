"""The port to the leftovers in a storage, and to its self-tests: for garbage collection, repair and operators, not for
serving uploads."""

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
    """The time of its last write (of a multipart upload: its start), in seconds since the epoch; 0 in a storage in
    memory."""


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
    """The function that tries something that uploads need at the place, such as requests of one kind, and removes what
    that stored. Raises StorageUnavailable if it fails."""


class Inspection(Protocol):
    """Lists and removes leftovers, recovers uploads from them, and gives self-tests. Every method that asks the storage
    may raise StorageUnavailable."""

    def leftovers(self) -> AsyncIterator[Leftover]:
        """Yield the leftovers of this server, found by listing the storage; objects of partial uploads are among them,
        except in a storage in memory. In S3, a multipart upload of another upload than a partial one is found only if
        its key has the form of `object-key`: hooks and credentials may choose others. Raises WrongPair if a bucket that
        only hooks choose belongs to another storage."""

    def needs(self, upload: Upload, leftover: Leftover) -> bool:
        """Return True if the upload, as recorded, needs the leftover; the upload must not have ended."""

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
