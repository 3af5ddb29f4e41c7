"""The port to where bytes live. Knows uploads and bytes; knows nothing of HTTP, protocols or state stores."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from tusd_py.domain.space import Space
from tusd_py.domain.upload import Checkpoint, Cursor, Entry, Finished, Span, Upload, UploadId
from tusd_py.ports.body import Chunk
from tusd_py.ports.direct import DirectAccess
from tusd_py.ports.locks import Lease

Record = Callable[[Checkpoint], Awaitable[None]]
"""Makes a checkpoint count. Raises Superseded (this writer lost its turn) or StateUnavailable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """A storage's own limits; None is none."""

    max_length: int | None = None
    """The longest upload, in bytes."""
    max_deferred_length: int | None = None
    """The longest whose length wasn't known when it began."""
    max_age: float | None = None
    """Seconds after its creation in which an upload must be finished."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """Something in the storage that is no finished object: needed by an upload, or left behind by a crash."""

    upload_id: UploadId
    name: str
    """What a person would look for, and the storage finds it by."""
    since: float
    """Seconds since the epoch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """An upload without a record, as far as its storage alone can tell."""

    upload: Upload
    """Its length is None, and its metadata empty, where they aren't known."""
    entries: Sequence[Entry] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """An upload as far as its recorded bytes are there."""

    upload: Upload
    """As it was given, where all of them are. Done, where its object is there though the record, an old copy, has it
    open. Else open, at the highest offset below which every byte is there."""
    entries: Sequence[Entry] = ()


class Writer(Protocol):
    """Takes the bytes that follow an upload's offset."""

    @property
    def unsettled(self) -> bool:
        """Once it was left: a write that it had begun was broken off, and no checkpoint names what came of it."""

    async def write(self, chunk: Chunk) -> None:
        """Take `chunk`; waits while there is no room for it. Records checkpoints as bytes get durable.

        Raises: StorageUnavailable, StateUnavailable, Superseded.
        """

    async def flush(self) -> None:
        """Return once every byte written is durable and recorded. Nothing may be written after it.

        Raises: StorageUnavailable, StateUnavailable, Superseded.
        """


class Storage(Protocol):
    """Where bytes live. Every method may raise StorageUnavailable; every maker passes tests/contracts."""

    @property
    def name(self) -> str:
        """What a person would call it: `s3://bucket/prefix`, `file:/srv/uploads`."""

    @property
    def capacity(self) -> Capacity:
        """What it can hold."""

    @property
    def direct(self) -> DirectAccess | None:
        """How clients reach it themselves; None where they can't."""

    def start(self, upload: Upload) -> Cursor:
        """The cursor of a new upload without bytes. Pure: creating an upload asks the storage for nothing.

        The object of a partial upload is kept apart from the finished ones: it is only what finals are made of.
        """

    def writer(
        self, upload: Upload, record: Record, lease: Lease, *, unproven: bool = False
    ) -> AbstractAsyncContextManager[Writer]:
        """A writer at `upload.offset`. Left without `flush`, it abandons what it has not recorded.

        A writer starts no write after `lease` has run out (Superseded). With `unproven` the bytes may turn out to be
        wrong: they are kept, while memory allows, from where they could get in the way of right ones.
        """

    async def finish(self, upload: Upload, entries: Sequence[Entry]) -> Finished:
        """Make the finished object of a full upload, or find that it is made: safe to repeat after any failure.

        Raises: UploadLost when bytes that were recorded are no longer there.
        """

    async def concatenate(self, upload: Upload, sources: Sequence[Upload]) -> Finished:
        """Make the object of a final upload out of finished ones, in order. Safe to repeat.

        Raises: UploadLost when a source's object is no longer there.
        """

    async def sweep(self, before: Sequence[Cursor], kept: Sequence[Cursor]) -> None:
        """Remove what a cursor of `before` names and none of `kept`: bytes that have found a better home. All are of
        one upload."""

    async def discard(self, upload: Upload) -> None:
        """Remove what an ended upload's record names, and its object. Nothing there is fine. Asks for no listing."""

    async def clean(self, upload: Upload) -> None:
        """Remove everything of an upload that its record doesn't name, found by listing what lies in its places: of one
        that has ended, all there is. The caller sees to it that nothing is being written to it."""

    def read(self, upload: Upload, span: Span) -> AsyncGenerator[bytes, None]:
        """The bytes of `span` of a finished upload's object. To be closed by who doesn't read to the end.

        Raises (on the first step, before any byte): UploadLost when the object is gone or is another.
        """

    def leftovers(self) -> AsyncIterator[Leftover]:
        """Everything stored that is no finished object. Asks for whole listings: for a sweep now and then."""

    def needs(self, upload: Upload, leftover: Leftover) -> bool:
        """Whether the upload, as recorded, still wants it."""

    async def remove(self, leftover: Leftover) -> None:
        """Remove it; not there any more is fine."""

    async def survey(self, upload: Upload, entries: Sequence[Entry]) -> Survey:
        """Look which of the bytes that the record of an upload names are there, and drop any copy of them in memory.

        Asked before bytes are given up, so it relies on nothing but the storage's own word.
        Raises: UploadLost when a finished object is gone or is another, or when an upload is gone that has no offset to
        fall back to (its bytes go past this server).
        """

    async def recover(self, upload_id: UploadId, leftovers: Sequence[Leftover]) -> Recovered | None:
        """The unfinished upload, or finished partial, that left these behind: for repair, once its record was lost.

        Its bytes from the first to the last before a gap, be they recorded or not. None if there are none, or if they
        aren't needed: its object is there.
        """

    async def installation(self) -> str | None:
        """The id of the installation that this storage belongs to; None if it has none.

        What says it is neither a leftover nor an upload's. No answer of the storage's own is StorageUnavailable.
        """

    async def install(self, installation_id: str) -> None:
        """Have this id, also if it has one: a rule that removes what has grown old counts from its last write."""

    async def ping(self) -> None:
        """Return if the storage can be reached: quick and cheap."""

    async def space(self) -> Space | None:
        """The room for new bytes, cheaply; None where no end is known. Writers are StorageFull at its reserve."""

    def trials(self) -> Mapping[str, Callable[[], Awaitable[None]]]:
        """What an operator may want tried, by name: each does for real what uploads will need, and cleans up."""

    async def aclose(self) -> None:
        """Let go of connections and buffers."""
