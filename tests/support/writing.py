"""The calls by which an engine writes to a storage, simplified for tests."""

from __future__ import annotations

import math
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from tests.support.uploads import upload
from tusd_py.domain.checkpoint import Checkpoint, Entry
from tusd_py.domain.errors import StateUnavailable, Superseded
from tusd_py.domain.lifecycle import mark_done, record
from tusd_py.domain.phase import Phase
from tusd_py.domain.span import Span
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.ports.storage import Storage, Writer


def random_bytes(count: int) -> bytes:
    """Return pseudo-random bytes, the same for the same `count`: pieces of them differ, so that misplaced bytes are
    noticed."""
    return Random(count).randbytes(count)


def new_upload(storage: Storage, length: int | None, **changes: Any) -> Upload:
    """Return a new upload, which no state has, with a random id and the cursor at which this storage starts it;
    `changes` are its other fields (see `uploads.changed`)."""
    planned = replace(upload(length=length, **changes), id=UploadId(uuid.uuid4().hex))
    return replace(planned, cursor=storage.start(planned))


class FakeLease:
    """A lease that is valid until it is revoked."""

    abandoned = False

    def __init__(self) -> None:
        self.valid = True

    def abandon(self) -> None:
        """Do nothing: no later holder asks if the lease was abandoned."""

    def revoke(self) -> None:
        self.valid = False

    def check(self) -> None:
        if not self.valid:
            raise Superseded


class Journal:
    """A journal that keeps the checkpoints of one writer, and fails if an offset goes back or beyond the bytes handed
    to the writer.

    After `survives` checkpoints the state store is unavailable. With `answer_lost` it still stores the next checkpoint
    before it fails.
    """

    def __init__(
        self, storage: Storage, current: Upload, *, survives: float = math.inf, answer_lost: bool = False
    ) -> None:
        self.upload, self.entries = current, list[Entry]()
        self.checkpoints: list[Checkpoint] = []
        self.late: list[Checkpoint] = []
        """The checkpoints that the writer recorded after the test had called `leave`, which says that the writer must
        record no more."""
        self.consumed = current.offset
        """The offset at which the bytes handed to the writer end."""
        self._storage, self._survives, self._answer_lost = storage, survives, answer_lost
        self._released = self._dead = False

    async def record(self, checkpoint: Checkpoint) -> None:
        assert self.upload.offset <= checkpoint.offset <= self.consumed, "a checkpoint went back, or ahead of the bytes"
        if self._released:
            self.late.append(checkpoint)
        dies = len(self.checkpoints) >= self._survives
        if not dies or (self._answer_lost and not self._dead):
            await self._keep(checkpoint)
        if dies:
            self._dead = True
            raise StateUnavailable

    def leave(self) -> None:
        self._released = True

    async def _keep(self, checkpoint: Checkpoint) -> None:
        before, self.upload = self.upload, record(self.upload, checkpoint, 0.0).upload
        self.entries += checkpoint.added
        self.checkpoints.append(checkpoint)
        await self._storage.delete_superseded([before.cursor], [self.upload.cursor])


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """The bytes of one request: the sizes of its chunks, a `flush` or none at the end, and the failure of its state
    store (see `Journal`)."""

    sizes: Sequence[int]
    flush: bool = True
    survives: float = math.inf
    answer_lost: bool = False


class Sender:
    """A sender of `data` to a storage, in the sessions that a test plays. `upload` is the upload as last recorded: at
    first `current`, by default a new upload of the length of `data`."""

    def __init__(self, storage: Storage, data: bytes, current: Upload | None = None) -> None:
        self.storage, self.data = storage, data
        self.upload = current or new_upload(storage, len(data))
        self.entries: list[Entry] = []
        self.journals: list[Journal] = []

    async def send(self, *sizes: int) -> Journal:
        """Send chunks of these sizes in one session, by default all bytes left as one chunk, and flush; return the
        journal."""
        return await self.play(Session(sizes=sizes or (len(self.data),)))

    async def play(self, session: Session) -> Journal:
        journal = Journal(self.storage, self.upload, survives=session.survives, answer_lost=session.answer_lost)
        with suppress(StateUnavailable):
            async with self.storage.writer(self.upload, journal.record, FakeLease()) as writer:
                await self.give(writer, journal, session.sizes)
                if session.flush:
                    await writer.flush()
                    assert journal.upload.offset == journal.consumed, "flushed, but not recorded"
        self.keep(journal)
        return journal

    async def live_through(self, history: Sequence[Session]) -> None:
        """Play the sessions in order while the upload is open; once all its bytes are recorded, leave out the rest."""
        for session in history:
            if self.upload.phase is Phase.OPEN:
                await self.play(session)

    async def give(self, writer: Writer, journal: Journal, sizes: Sequence[int]) -> None:
        """Write chunks of these sizes to the writer, as far as `data` goes, and count them in `journal.consumed`."""
        for size in sizes:
            chunk = self.data[journal.consumed : journal.consumed + size]
            journal.consumed += len(chunk)
            if chunk:
                await writer.write(chunk)

    def keep(self, journal: Journal) -> None:
        """Take over the upload and entries that the journal recorded; checkpoints that it records later count as
        late."""
        journal.leave()
        self.journals.append(journal)
        self.upload, self.entries = journal.upload, [*self.entries, *journal.entries]

    async def finish(self) -> Upload:
        """Unless the upload is done, finish it and delete what its object supersedes. Return the upload. Fails if a
        journal has late checkpoints."""
        if self.upload.phase is not Phase.DONE:
            entries = self.entries if self.storage.needs_entries(self.upload) else ()
            finished = await self.storage.finish(self.upload, entries)
            before, self.upload = self.upload, mark_done(self.upload, finished)
            await self.storage.delete_superseded([before.cursor], [self.upload.cursor])
        assert not any(journal.late for journal in self.journals), "recorded by a writer that had been left"
        return self.upload


async def stored(storage: Storage, data: bytes, **changes: Any) -> Upload:
    """A finished upload in `storage` that holds `data`; `changes` are its other fields (see `new_upload`)."""
    sender = Sender(storage, data, new_upload(storage, len(data), **changes))
    await sender.send()
    return await sender.finish()


async def content(storage: Storage, finished: Upload, span: Span | None = None) -> bytes:
    """Return the bytes of a finished upload, or those in `span`."""
    chosen = Span(0, finished.length or 0) if span is None else span
    return b"".join([chunk async for chunk in storage.read(finished, chosen)])
