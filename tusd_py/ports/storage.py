"""The port to the storage of bytes. Knows uploads and bytes; knows nothing of HTTP, protocols or the state."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from tusd_py.domain.checkpoint import Checkpoint, Cursor, Entry, Finished
from tusd_py.domain.place import Place
from tusd_py.domain.space import Space
from tusd_py.domain.span import Span
from tusd_py.domain.upload import Upload
from tusd_py.ports.body import Chunk
from tusd_py.ports.direct import DirectAccess
from tusd_py.ports.inspection import Inspection
from tusd_py.ports.locks import Lease

Record = Callable[[Checkpoint], Awaitable[None]]
"""A function that records a checkpoint, or keeps it to record it later. Raises Superseded (the record has another
revision), OverQuota or StateUnavailable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """The limits of a storage; None is no limit."""

    max_length: int | None = None
    """The maximum length of an upload, in bytes."""
    max_deferred_length: int | None = None
    """The maximum length of an upload with deferred length, in bytes."""
    max_age: float | None = None
    """The time from an upload's creation within which it must be finished, in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """The result of `Storage.survey`: the upload that the stored bytes allow, and all entries of that upload."""

    upload: Upload
    """The upload as done if its object exists, even if its record isn't done. Else unchanged if it is a final
    upload, or if all its recorded bytes are stored; else open, at the highest offset below which every recorded byte
    is stored."""
    entries: Sequence[Entry] = ()


class Writer(Protocol):
    """Writes the bytes from an upload's offset on."""

    @property
    def unsettled(self) -> bool:
        """True, after the writer's context has ended, if a write or its recording failed or was interrupted: the
        storage may hold, or may yet get, bytes that no checkpoint names. Always False if the next writer overwrites
        such bytes."""

    async def write(self, chunk: Chunk) -> None:
        """Write `chunk`, waiting while memory is short. Records checkpoints as bytes become durable.

        Raises: StorageUnavailable, StateUnavailable, Superseded, OverQuota; UploadLost if recorded bytes seem to be
        gone. The end of the writer's context may raise these errors instead.
        """

    async def flush(self) -> None:
        """Return once every written byte is durable, and `record` (see `Storage.writer`) was called for it. No write
        may follow.

        Raises the same as `write`; the end of the writer's context may raise that instead.
        """


class Storage(Protocol):
    """Stores the bytes of uploads. Every method may raise StorageUnavailable; every adapter passes tests/contracts."""

    @property
    def name(self) -> str:
        """The name for people: `s3://bucket/prefix`, `file:/srv/uploads`."""

    @property
    def capacity(self) -> Capacity:
        """The storage's limits."""

    @property
    def direct(self) -> DirectAccess | None:
        """The port for direct uploads and downloads; None if clients can't reach the storage."""

    @property
    def inspection(self) -> Inspection | None:
        """The port for operators and the garbage collection; None if the storage can only serve uploads: orphans stay
        then, and uploads whose record is lost can't be rebuilt."""

    def start(self, upload: Upload) -> Cursor:
        """Return the cursor of a new upload without bytes. Sends no request to the storage.

        The objects of partial uploads have a place apart, as they are only sources of final uploads.
        """

    def locate(self, upload: Upload) -> Place:
        """Return the place of the upload's object, from its record alone. Sends no request to the storage."""

    async def occupied(self, upload: Upload) -> bool:
        """Return True if a planned upload, which isn't recorded yet, can't have the place that a hook or a credential
        chose for its object: something is there, or, on a disk, a file is in the place of one of its folders, or, in
        S3, the setting `object-key` could make the key for an upload with another id."""

    def writer(
        self, upload: Upload, record: Record, lease: Lease, *, unproven: bool = False
    ) -> AbstractAsyncContextManager[Writer]:
        """Open a writer at `upload.offset`; it calls `record` with each checkpoint. If its context ends without
        `flush`, unrecorded bytes are dropped. Raises UploadLost on entry if the storage sees that recorded bytes are
        gone.

        A writer starts no write after `lease` has run out (Superseded). `unproven` is True for bytes that may
        turn out not to match their checksum. A storage that sends several parts at a time then holds full parts
        back until `flush`, or until memory is short or more parts are full than it sends at a time: a wrong
        part that takes effect late could replace the right one.
        """

    def needs_entries(self, upload: Upload) -> bool:
        """Return True if `finish` needs the upload's entries; if not, as for a small upload, they need not be read."""

    async def finish(self, upload: Upload, entries: Sequence[Entry]) -> Finished:
        """Make the finished object of a full upload. Safe to repeat after any failure: a repeated call finds the
        object, or makes it again of the same bytes.

        Raises: UploadLost if recorded bytes are missing.
        """

    async def concatenate(self, upload: Upload, sources: Sequence[Upload]) -> Finished:
        """Create the object of a final upload from finished partial ones, in order. Safe to repeat.

        Raises: UploadLost if a source's object is missing or was replaced, or if copied bytes vanish before the end.
        """

    async def delete_superseded(self, before: Sequence[Cursor], current: Sequence[Cursor]) -> None:
        """Remove what a cursor of `before` names and no cursor of `current`: segments, info objects and multipart
        uploads, but never the upload's object. All cursors are of one upload."""

    async def discard(self, upload: Upload) -> None:
        """Remove what the record of a terminating or gone upload names, and its object, if they exist. Lists
        nothing."""

    async def clean(self, upload: Upload) -> None:
        """Remove everything of an upload that its record doesn't name, found by a listing where the storage needs one;
        if the upload is terminating or gone, remove everything that is certain to belong to it. The caller ensures that
        nothing is being written to the upload."""

    def read(self, upload: Upload, span: Span) -> AsyncGenerator[bytes, None]:
        """Yield the bytes of `span` of a finished upload's object. A caller that stops early must close the generator.

        Raises StorageUnavailable; UploadLost if the object is missing or was replaced (on a disk: has another size):
        before any byte, unless that happened during the read.
        """

    async def survey(self, upload: Upload, entries: Sequence[Entry]) -> Survey:
        """Return the upload as far as its recorded bytes are stored (see `Survey`). Drops any copy of them in memory.

        As bytes are declared lost by the result, it relies on the storage's answers alone. Raises: UploadLost if a
        finished object is missing or was replaced, or if a direct upload, which has no offset to fall back to, lacks
        recorded bytes or its multipart upload.
        """

    async def installation(self) -> str | None:
        """Return the id of the installation that this storage belongs to; None if it has none.

        The object or file that holds the id counts neither as a leftover nor as an upload's. Raises StorageUnavailable
        also if a proxy, and not the storage, may have sent the answer; WrongPair if a bucket that only hooks choose
        belongs to another storage.
        """

    async def install(self, installation_id: str) -> None:
        """Store this id. S3 gets it even if it is stored already: a lifecycle rule counts an object's age from its last
        write. Raises WrongPair like `installation`."""

    async def ping(self) -> None:
        """Raise StorageUnavailable unless bytes can be stored now. Fast and cheap."""

    async def space(self) -> Space | None:
        """Return the free space for new bytes; None if no limit is known. Cheap. Writers raise StorageFull if a write
        would leave less free than the reserve (`Space.reserve`)."""

    async def aclose(self) -> None:
        """Close connections and free buffers."""
