"""An engine on ports in memory: its clock is set by hand, and its storage and state fail when they are told to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import count
from typing import Any, TypeVar, cast

from tests.support.failing import FailingState, Fuse
from tests.support.transitions import CheckedState
from tests.support.writing import FakeLease
from tusd_py.backends.memory.locks import MemoryLocker
from tusd_py.domain.checkpoint import Checkpoint, Cursor, Entry, Finished
from tusd_py.domain.errors import StorageUnavailable, UploadLost
from tusd_py.domain.events import Event, EventType
from tusd_py.domain.limits import Limits
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.engine.engine import Engine
from tusd_py.ports.body import BodyEnd
from tusd_py.ports.locks import Lease
from tusd_py.ports.observer import Observer
from tusd_py.ports.state import StateStore
from tusd_py.ports.storage import Record, Survey
from tusd_py.storage.memory import MemoryStorage, MemoryWriter

T = TypeVar("T")


class ScriptedBody:
    """A `ports.body.Body` with these chunks that ends as `end`, or as TOO_LONG at the chunk that passes `max_bytes`.
    With `stalls`, it waits after the last chunk until `stop` is called, and ends as STOPPED."""

    def __init__(self, *chunks: bytes, end: BodyEnd = BodyEnd.COMPLETE, stalls: bool = False) -> None:
        self.end = BodyEnd.COMPLETE
        self.continued = False
        """True once a reader asked for the chunks, at which point a server would send its 100."""
        self.stalled = asyncio.Event()
        self._script, self._how, self._stopped = chunks, end, asyncio.Event()
        if not stalls:
            self._stopped.set()

    async def chunks(self, max_bytes: int | None) -> AsyncIterator[bytes]:
        self.continued, total = True, 0
        for chunk in self._script:
            total += len(chunk)
            if max_bytes is not None and total > max_bytes:
                self.end = BodyEnd.TOO_LONG
                return
            yield chunk
        self.stalled.set()
        await self._stopped.wait()
        self.end = self._how

    def stop(self) -> None:
        self._how = self._how if self._stopped.is_set() else BodyEnd.STOPPED
        self._stopped.set()


class FailingStorage(MemoryStorage):
    """A storage in memory in which checkpoints and the calls of `finish`, `concatenate`, `delete_superseded` and
    `discard` fail as `fuse` says; other attributes make single methods fail. `swept` has the cursors, `before` and
    `current`, of each call of `delete_superseded`."""

    def __init__(self, *, checkpoint_size: int) -> None:
        super().__init__(checkpoint_size=checkpoint_size)
        self.fuse = Fuse(StorageUnavailable)
        self.swept = list[tuple[list[Cursor], list[Cursor]]]()
        self.unproven = list[bool]()
        """One item for each writer that was opened, in order: True if the bytes that it gets may turn out not to match
        their checksum (the argument `unproven` of `writer`)."""
        self.troubled = False
        """True if `finish` reports trouble: the attempt before it got no answer."""
        self.lose = False
        """True if `finish` and `concatenate` raise UploadLost."""
        self.in_parts = True
        """True if `finish` needs the upload's entries (`needs_entries`)."""
        self.silent = False
        """True if `survey` raises StorageUnavailable."""
        self.stuck = set[UploadId]()
        """The ids of the uploads for which `discard` raises StorageUnavailable."""
        self.listed = list[UploadId]()
        """The ids of the uploads that `clean` was called with, in order."""
        self.installing = Fuse(StorageUnavailable)
        """The fuse of the calls that read the installation's id."""
        self.answering = asyncio.Event()
        """Set from the start; while a test clears it, reading the installation's id waits."""
        self.answering.set()
        self.id_reads = 0

    @asynccontextmanager
    async def writer(
        self, upload: Upload, record: Record, lease: Lease, *, unproven: bool = False
    ) -> AsyncIterator[MemoryWriter]:
        async def fused(checkpoint: Checkpoint) -> None:
            await self.fuse.around(_nothing())
            await record(checkpoint)

        self.unproven.append(unproven)
        async with super().writer(upload, fused, lease, unproven=unproven) as writer:
            yield writer

    def needs_entries(self, upload: Upload) -> bool:  # noqa: ARG002 - the port's signature
        return self.in_parts

    async def finish(self, upload: Upload, entries: Sequence[Entry]) -> Finished:
        self._may_lose(upload)
        finished = await self.fuse.around(super().finish(upload, entries))
        return replace(finished, troubled=self.troubled)

    async def concatenate(self, upload: Upload, sources: Sequence[Upload]) -> Finished:
        self._may_lose(upload)
        return await self.fuse.around(super().concatenate(upload, sources))

    async def survey(self, upload: Upload, entries: Sequence[Entry]) -> Survey:
        if self.silent:
            raise StorageUnavailable
        return await super().survey(upload, entries)

    def _may_lose(self, upload: Upload) -> None:
        if self.lose:
            raise UploadLost(upload.id)

    async def delete_superseded(self, before: Sequence[Cursor], current: Sequence[Cursor]) -> None:
        self.swept.append((list(before), list(current)))
        await self.fuse.around(super().delete_superseded(before, current))

    async def installation(self) -> str | None:
        self.id_reads += 1
        await self.answering.wait()
        return await self.installing.around(super().installation())

    async def discard(self, upload: Upload) -> None:
        if upload.id in self.stuck:
            raise StorageUnavailable
        await self.fuse.around(super().discard(upload))

    async def clean(self, upload: Upload) -> None:
        self.listed.append(upload.id)
        await super().clean(upload)


class Told(Observer):
    """An observer that records what it is told, in order. `events` has each event's type with the upload's id, for a
    roll-back with the offsets before and after it, and each trouble's message with its `upload_id`, None without one.
    `changes` has the events themselves."""

    def __init__(self) -> None:
        self.events = list[tuple[str, object]]()
        self.changes = list[Event]()
        self.troubles = list[tuple[str, dict[str, object]]]()
        """The message and the fields of each trouble."""

    def notify(self, event: Event) -> None:
        self.changes.append(event)
        rolled_back = event.type is EventType.ROLLED_BACK
        self.events.append((event.type, (event.before, event.upload.offset) if rolled_back else event.upload.id))

    def trouble(self, message: str, **fields: object) -> None:
        self.events.append((message, fields.get("upload_id")))
        self.troubles.append((message, fields))

    def count(self, wanted_event: str) -> int:
        return sum(event == wanted_event for event, _ in self.events)


class Harness:
    """An engine and its ports: a storage and locks in memory, and `state`, by default in memory, too. Storage and state
    fail when told to, the clock stands at `now`, and new ids count up from 1. `limits` are the engine's, with
    `expire_after` 100 seconds by default."""

    def __init__(self, state: StateStore | None = None, *, checkpoint_size: int = 8, **limits: Any) -> None:
        self.now = 1000.0
        self.storage = FailingStorage(checkpoint_size=checkpoint_size)
        self.state = FailingState(state)
        self.locker = MemoryLocker()
        self.observer = Told()
        numbers = count(1)
        self.engine = Engine(
            storage=self.storage,
            state=cast(StateStore, CheckedState(self.state, self.state.inner)),
            locker=self.locker,
            limits=Limits(**{"expire_after": 100.0, **limits}),
            observer=self.observer,
            clock=lambda: self.now,
            new_id=lambda: UploadId(f"{next(numbers):032x}"),
            base_path="/files/",
        )

    def limit(self, **limits: Any) -> None:
        """Replace these limits of the engine."""
        self.engine = replace(self.engine, limits=replace(self.engine.limits, **limits))

    @property
    def lease(self) -> FakeLease:
        return FakeLease()

    async def residue(self) -> list[str]:
        """Return the ids of all uploads in the storage (`stored_names`), then those of the first 1000 records; an id
        comes up to three times."""
        return [*self.stored_names, *(upload.id for upload in await self.uploads())]

    @property
    def stored_names(self) -> list[UploadId]:
        """Return the ids of the uploads of which the storage has parts or an object; one with both comes twice."""
        return [*self.storage._parts, *self.storage._objects]

    async def uploads(self) -> Sequence[Upload]:
        """Return all records, at most 1000."""
        return await self.state.list(None, 1000)

    def stored(self, upload: Upload) -> bytes:
        """Return the bytes of a finished upload. Raises KeyError without an object."""
        return self.storage._objects[upload.id]

    async def record(self, upload: Upload) -> Upload:
        """Return the upload's current record. Raises AssertionError if there is none."""
        return await self.record_of(upload.id)

    async def record_of(self, upload_id: UploadId) -> Upload:
        record = await self.state.load(upload_id)
        assert record is not None
        return record


async def _nothing() -> None:
    return None


def second_harness(harness: Harness) -> Harness:
    """Return a harness whose engine has the storage of `harness` and a new, empty state."""
    second = Harness()
    second.engine = replace(second.engine, storage=harness.storage)
    return second
