"""A state store that fails when it is told to, and the fuse that decides it."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from tusd_py.backends.memory.state import MemoryState
from tusd_py.domain.checkpoint import Entry
from tusd_py.domain.errors import StateUnavailable, Unavailable
from tusd_py.domain.events import Event
from tusd_py.domain.installation import Installation
from tusd_py.domain.principal import Grant, Quota
from tusd_py.domain.space import Space
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.domain.usage import Usage
from tusd_py.ports.jobs import JobStore
from tusd_py.ports.outbox import Outbox
from tusd_py.ports.state import Numbered, StateStore, Unfinished

T = TypeVar("T")


@dataclass
class Fuse:
    """A switch that makes calls fail: after `after` calls that pass, the next `times` raise `error`, then all pass
    again. If `after` is None, all pass."""

    error: type[Unavailable]
    after: int | None = None
    times: int = 1
    answer_lost: bool = False
    """True if the call that fails is carried out first, as when only its answer is lost."""

    def blow(self, after: int = 0, *, times: int = 1, answer_lost: bool = False) -> None:
        self.after, self.times, self.answer_lost = after, times, answer_lost

    def mend(self) -> None:
        self.after = None

    async def around(self, call: Coroutine[Any, Any, T]) -> T:
        blown = self._count()
        if blown and not self.answer_lost:
            call.close()
            raise self.error("as told")
        result = await call
        if blown:
            raise self.error("as told, after it was done")
        return result

    def _count(self) -> bool:
        if self.after is None:
            return False
        blown, self.after = self.after <= 0, self.after - 1
        if self.after <= -self.times:
            self.after = None
        return blown


class FailingState:
    """A state store in front of `inner`, by default one in memory. Calls about one upload or one account, and those
    that read the installation's id, fail by its fuse; all others, and those of `jobs` and `outbox`, pass. `saves` has
    the uploads that successful calls of `save` returned, in order."""

    def __init__(self, inner: StateStore | None = None) -> None:
        self.inner = inner or MemoryState()
        self.fuse = Fuse(StateUnavailable)
        self.saves = list[Upload]()

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def outbox(self) -> Outbox | None:
        return self.inner.outbox

    @property
    def jobs(self) -> JobStore:
        return self.inner.jobs

    async def create(
        self,
        upload: Upload,
        entries: Sequence[Entry] = (),
        events: Sequence[Event] = (),
        *,
        quota: Quota | None = None,
        grant: Grant | None = None,
    ) -> Upload:
        return await self.fuse.around(self.inner.create(upload, entries, events, quota=quota, grant=grant))

    async def load(self, upload_id: UploadId) -> Upload | None:
        return await self.fuse.around(self.inner.load(upload_id))

    async def installation(self) -> Installation | None:
        return await self.fuse.around(self.inner.installation())

    async def resolve(self, name: str) -> UploadId | None:
        return await self.fuse.around(self.inner.resolve(name))

    async def save(
        self,
        upload: Upload,
        added: Sequence[Entry] = (),
        events: Sequence[Event] = (),
        *,
        quota: Quota | None = None,
        refund: Grant | None = None,
    ) -> Upload:
        saved = await self.fuse.around(self.inner.save(upload, added, events, quota=quota, refund=refund))
        self.saves.append(saved)
        return saved

    async def rewind(self, upload: Upload, entries: Sequence[Entry], events: Sequence[Event] = ()) -> Upload:
        return await self.fuse.around(self.inner.rewind(upload, entries, events))

    async def entries(self, upload_id: UploadId) -> Sequence[Entry]:
        return await self.fuse.around(self.inner.entries(upload_id))

    async def delete(self, upload: Upload) -> None:
        await self.fuse.around(self.inner.delete(upload))

    async def numbered(self, upload_id: UploadId) -> Numbered | None:
        return await self.fuse.around(self.inner.numbered(upload_id))

    async def changed(self, since: int, limit: int) -> Sequence[Numbered]:
        return await self.inner.changed(since, limit)

    async def due(self, now: float, limit: int) -> Sequence[UploadId]:
        return await self.inner.due(now, limit)

    async def list(self, after: UploadId | None, limit: int) -> Sequence[Upload]:
        return await self.inner.list(after, limit)

    async def install(self, installation: Installation) -> Installation:
        return await self.inner.install(installation)

    async def reinstall(self, installation: Installation) -> None:
        await self.inner.reinstall(installation)

    async def ping(self) -> None:
        await self.inner.ping()

    async def space(self) -> Space | None:
        return await self.inner.space()

    async def unfinished(self) -> Unfinished:
        return await self.inner.unfinished()

    async def usage(self, account: str) -> Usage:
        return await self.fuse.around(self.inner.usage(account))

    async def usages(self, after: str | None, limit: int) -> Sequence[Usage]:
        return await self.inner.usages(after, limit)

    async def recount(self) -> int:
        return await self.inner.recount()

    async def aclose(self) -> None:
        await self.inner.aclose()
