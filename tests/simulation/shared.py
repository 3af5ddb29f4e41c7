"""The state store and the leases that all nodes share, behind the network."""

from __future__ import annotations

from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from tests.simulation.loop import Machine
from tests.simulation.network import TTL, Network, Service, at_once
from tests.support.transitions import CheckedState
from tusd_py.backends.lease import TimedLease, elapsed
from tusd_py.backends.leased_locks import SharedLocker
from tusd_py.backends.memory.state import MemoryState
from tusd_py.domain.checkpoint import Entry
from tusd_py.domain.errors import StateUnavailable
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

if TYPE_CHECKING:
    from tests.simulation.telling import SimulatedOutbox

Commit = Callable[[], Coroutine[Any, Any, Upload]]


def _lost(operation: str) -> Exception:
    return StateUnavailable(f"no answer to {operation}")


STATE = Service(name="state", patience=4.0, broken=_lost, refused=_lost, rumour=_lost)
LEASES = Service(name="leases", patience=4.0, broken=_lost, refused=_lost, rumour=_lost)


class SimulatedState:
    """The state as one node reaches it: over the simulated network, except `space`, `unfinished` and `usages`. The
    records outlive every node."""

    name = "simulated:"

    def __init__(
        self,
        network: Network,
        records: MemoryState,
        free: Mapping[str, int],
        outbox: SimulatedOutbox,
        jobs: JobStore,
        committed: Callable[[Sequence[Event], Upload | None], None],
    ) -> None:
        """Take `committed`, to be called at each commit of an upload with the events and the upload as recorded; after
        a deletion with no events and None. `free` has the free bytes of stores that have a limit, by name: of this one
        as `state`."""
        self._network, self._free = network, free
        self._records = cast(StateStore, CheckedState(records))
        self._outbox, self._jobs, self._committed = outbox, jobs, committed

    @property
    def outbox(self) -> Outbox:
        return cast(Outbox, self._outbox)

    @property
    def jobs(self) -> JobStore:
        return self._jobs

    async def create(
        self,
        upload: Upload,
        entries: Sequence[Entry] = (),
        events: Sequence[Event] = (),
        *,
        quota: Quota | None = None,
        grant: Grant | None = None,
    ) -> Upload:
        create = partial(self._records.create, upload, entries, events, quota=quota, grant=grant)
        return await self._commit("create", create, events)

    async def load(self, upload_id: UploadId) -> Upload | None:
        return await self._network.ask(STATE, "load", lambda: at_once(self._records.load(upload_id)))

    async def resolve(self, name: str) -> UploadId | None:
        return await self._network.ask(STATE, "resolve", lambda: at_once(self._records.resolve(name)))

    async def save(
        self,
        upload: Upload,
        added: Sequence[Entry] = (),
        events: Sequence[Event] = (),
        *,
        quota: Quota | None = None,
        refund: Grant | None = None,
    ) -> Upload:
        save = partial(self._records.save, upload, added, events, quota=quota, refund=refund)
        return await self._commit("save", save, events)

    async def rewind(self, upload: Upload, entries: Sequence[Entry], events: Sequence[Event] = ()) -> Upload:
        return await self._commit("rewind", partial(self._records.rewind, upload, entries, events), events)

    async def entries(self, upload_id: UploadId) -> Sequence[Entry]:
        return await self._network.ask(STATE, "entries", lambda: at_once(self._records.entries(upload_id)))

    async def delete(self, upload: Upload) -> None:
        def deleted() -> None:
            at_once(self._records.delete(upload))
            self._committed((), None)

        return await self._network.ask(STATE, "delete", deleted)

    async def numbered(self, upload_id: UploadId) -> Numbered | None:
        return await self._network.ask(STATE, "numbered", lambda: at_once(self._records.numbered(upload_id)))

    async def changed(self, since: int, limit: int) -> Sequence[Numbered]:
        return await self._network.ask(STATE, "changed", lambda: at_once(self._records.changed(since, limit)))

    async def due(self, now: float, limit: int) -> Sequence[UploadId]:
        return await self._network.ask(STATE, "due", lambda: at_once(self._records.due(now, limit)))

    async def list(self, after: UploadId | None, limit: int) -> Sequence[Upload]:
        return await self._network.ask(STATE, "list", lambda: at_once(self._records.list(after, limit)))

    async def installation(self) -> Installation | None:
        return await self._network.ask(STATE, "installation", lambda: at_once(self._records.installation()))

    async def install(self, installation: Installation) -> Installation:
        return await self._network.ask(STATE, "install", lambda: at_once(self._records.install(installation)))

    async def reinstall(self, installation: Installation) -> None:
        await self._network.ask(STATE, "reinstall", lambda: at_once(self._records.reinstall(installation)))

    async def ping(self) -> None:
        await self._network.ask(STATE, "ping", lambda: None)

    async def space(self) -> Space | None:
        return Space(free=self._free["state"], reserve=0) if "state" in self._free else await self._records.space()

    async def unfinished(self) -> Unfinished:
        return await self._records.unfinished()

    async def usage(self, account: str) -> Usage:
        return await self._network.ask(STATE, "usage", lambda: at_once(self._records.usage(account)))

    async def usages(self, after: str | None, limit: int) -> Sequence[Usage]:
        return await self._records.usages(after, limit)

    async def recount(self) -> int:
        return await self._network.ask(STATE, "recount", lambda: at_once(self._records.recount()))

    async def aclose(self) -> None:
        """Do nothing: no connection is open."""

    async def _commit(self, operation: str, commit: Commit, events: Sequence[Event]) -> Upload:
        def committed() -> Upload:
            recorded = at_once(commit())
            self._committed(events, recorded)
            return recorded

        recorded = await self._network.ask(STATE, operation, committed)
        if events:
            self._outbox.wake()
        return recorded


@dataclass(slots=True, kw_only=True)
class _Row:
    lease: TimedLease
    owner: SimulatedLocker
    deadline: float
    waiting: dict[SimulatedLocker, None] = field(default_factory=dict)

    @property
    def is_over(self) -> bool:
        return self.deadline <= elapsed() or self.owner._machine.noticed


Rows = dict[UploadId, _Row]
"""The lease of each upload, with its holder, its deadline and the lockers that wait for it."""


class SimulatedLocker(SharedLocker):
    """A node's locker: the real bookkeeping of leases over a table that all nodes share. Messages tell a holder to
    leave, and a waiting node that the lock is free, as with Redis."""

    retry_seconds = 0.25

    def __init__(self, network: Network, rows: Rows, machine: Machine) -> None:
        super().__init__(TTL)
        self._network, self._rows, self._machine = network, rows, machine

    async def abandoned(self) -> Collection[UploadId]:
        return await self._network.ask(LEASES, "abandoned", self._all_abandoned)

    async def _take(self, lease: TimedLease, *, ask: bool) -> bool:
        return await self._network.ask(LEASES, "take", lambda: self._take_row(lease, ask=ask))

    async def _renew(self, leases: Sequence[TimedLease]) -> Collection[str]:
        return await self._network.ask(LEASES, "renew", lambda: [_.token for _ in leases if self._renewed(_)])

    async def _drop(self, lease: TimedLease, *, abandoned: bool) -> None:
        await self._network.ask(LEASES, "drop", lambda: self._dropped(lease, abandoned=abandoned))

    async def _release_requests(self) -> Collection[str]:
        return ()

    def _all_abandoned(self) -> Collection[UploadId]:
        return [upload_id for upload_id, row in self._rows.items() if row.is_over]

    def _take_row(self, lease: TimedLease, *, ask: bool) -> bool:
        row = self._rows.get(lease.upload_id)
        if row is None or row.lease is lease or row.is_over:
            lease.abandoned = row is not None and row.lease is not lease
            self._rows[lease.upload_id] = _Row(lease=lease, owner=self, deadline=elapsed() + TTL)
            return True
        if row is not None and ask:
            row.waiting[self] = None
            row.owner._machine.hear(row.lease.request_release)
        return False

    def _renewed(self, lease: TimedLease) -> bool:
        row = self._rows.get(lease.upload_id)
        is_held = row is not None and row.lease is lease and row.deadline > elapsed()
        if row is not None and is_held:
            row.deadline = elapsed() + TTL
        return is_held

    def _dropped(self, lease: TimedLease, *, abandoned: bool) -> None:
        row = self._rows.get(lease.upload_id)
        if row is not None and row.lease is lease:
            if abandoned:
                row.deadline = 0.0
            else:
                del self._rows[lease.upload_id]
            for locker in row.waiting:
                locker._machine.hear(partial(locker._come, lease.upload_id))

    def _come(self, upload_id: UploadId) -> None:
        with suppress(KeyError):
            self._leases[upload_id].freed.set()
