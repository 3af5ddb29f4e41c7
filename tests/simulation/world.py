"""Nodes of the real code on a simulated network, and what must be true of them in the end."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from contextvars import Context
from typing import Any

from tests.simulation import chores
from tests.simulation.bucket import Bucket
from tests.simulation.bus import Exchange
from tests.simulation.job_truth import await_jobs
from tests.simulation.jobs import Ledger
from tests.simulation.loop import Machine, SimulatedLoop
from tests.simulation.network import LONG, Network, Plan, at_once
from tests.simulation.nodes import Node, start
from tests.simulation.receiver import Receiver
from tests.simulation.setup import Setup
from tests.simulation.shared import Rows
from tests.simulation.telling import subscribe, tell_all
from tests.simulation.troubles import Troubles
from tests.simulation.truth import Truth
from tusd_py.backends.memory.state import MemoryState
from tusd_py.domain.errors import Locked, Superseded, Unavailable, UploadLost
from tusd_py.domain.events import Event
from tusd_py.domain.phase import Phase
from tusd_py.domain.refusals import Refusal
from tusd_py.domain.span import Span
from tusd_py.domain.upload import Kind, Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.engine.engine import Engine
from tusd_py.engine.expiry_sweep import sweep

EPOCH = 1_700_000_000.0
_REMEMBERED = 8 * 86400.0
"""The seconds of eight days: more than those for which the end of an upload is remembered."""
_LONGEST_JOB = 600.0
"""Seconds in which any job ends."""
CALM = (Refusal, Locked, Superseded)
FORESEEN = (*CALM, UploadLost, Unavailable)


class Violation(AssertionError):
    """A promise was broken."""


class Leak(Violation):
    """A promise was broken: something stays that no upload needs, as a record, an object, a part, a charge or
    memory."""


class World(Truth):
    """The simulated world: two nodes, the services that they share, and the facts by which the nodes are judged."""

    def __init__(self, loop: SimulatedLoop, setup: Setup, plan: Plan, *, calm: bool) -> None:
        super().__init__()
        self.loop, self.setup = loop, setup
        self.calm = calm
        """True if neither faults nor the scenario cause trouble, so that it is an error if a node reports any."""
        self.troubles = Troubles()
        self.network = Network(loop, plan)
        self.bucket = Bucket(setup.profile, opaque=setup.opaque_etags)
        self.records = MemoryState()
        self.receiver = Receiver(loop, strict=setup.strict)
        subscribe(self)
        self.exchange = Exchange(loop)
        self.ledger = Ledger(self.now, self.exchange.commit, patience=2.5 if calm else math.inf)
        self.rows: Rows = {}
        self.free: dict[str, int] = {}
        """The free bytes that each store which `fill` has ever filled reports, by its name: negative while it is full;
        0 after that, which is enough, as these stores have no reserve."""
        self._requests: list[tuple[Machine, asyncio.Task[Any]]] = []
        self._chores: list[asyncio.Task[None]] = []
        self._started = 0
        self._ids = 0
        self._nodes = [self._start("A"), self._start("B")]

    def now(self) -> float:
        return EPOCH + self.loop.time()

    def node(self, index: int) -> Node:
        """Return the node at this index, modulo their number. One that crashed is started again first."""
        index %= len(self._nodes)
        if self._nodes[index].machine.crashed.done():
            self._nodes[index] = self._start("AB"[index])
        return self._nodes[index]

    def begin(self, node: Node, work: Callable[[Engine], Awaitable[Any]]) -> asyncio.Task[Any]:
        """Start `work` on the node as a task, and return the task. Its error is checked at the end of the experiment,
        also if no client waits for it."""

        async def run() -> Any:
            return await work(node.engine)

        task = self.loop.create_task(run(), context=node.machine.context.copy())
        self._requests.append((node.machine, task))
        return task

    def restart(self, index: int) -> None:
        """Replace the node by a new process. The old process ends with the last of its requests; what it had in memory
        is gone."""
        index %= len(self._nodes)
        old, self._nodes[index] = self._nodes[index], self._start("AB"[index])
        old.machine.hear(old.teller.stop)
        old.machine.hear(old.crew.stop)
        self._chores.append(self.loop.create_task(self._retire(old.machine), context=Context()))

    async def _retire(self, machine: Machine) -> None:
        while running := [task for its, task in self._requests if its is machine and not task.done()]:
            await asyncio.wait([*running, machine.crashed], return_when=asyncio.FIRST_COMPLETED)
            if machine.crashed.done():
                return
        machine.crash(noticed=True)

    def kill(self, index: int, *, noticed: bool) -> None:
        self.node(index).machine.crash(noticed=noticed)

    async def squeeze(self, index: int, seconds: float) -> None:
        """Take nearly all of a node's memory budget for `seconds`, so that bytes kept only in its cache go. Return at
        once."""
        node = self.node(index)
        self.begin(node, lambda _: chores.hog(node.budget, seconds))
        await asyncio.sleep(0)

    async def fill(self, store: str, seconds: float) -> None:
        """Make a store report less than no free space for `seconds`, so that both nodes take it for full, and return
        after that. Only `state` can be made full so."""
        self.free[store] = self.free.get(store, 0) - 1
        await self._measure_stores()
        await asyncio.sleep(seconds)
        self.free[store] += 1
        await self._measure_stores()

    async def _measure_stores(self) -> None:
        for node in range(len(self._nodes)):
            await self._do(Engine.measure_stores, node)

    def lose_state(self) -> None:
        """Replace the state by a new, empty one, crash both nodes, and start new ones. The lost uploads are
        `forgotten`."""
        self.forgotten |= set(self.uploads())
        done = [upload.cursor["key"] for upload in self.uploads().values() if upload.done]
        self.orphans |= {key: self.bucket.objects[key].content for key in done}
        self.complete.clear()
        self.records.__init__()  # type: ignore[misc]
        for index, node in enumerate(self._nodes):
            node.machine.crash(noticed=True)
            self._nodes[index] = self._start("AB"[index])

    def check_complete(self, upload_id: UploadId) -> None:
        """Check that an upload reported as complete has its object, now, with every byte, and record it as complete;
        skip it if it is in `bereft`. Raises Violation."""
        if upload_id in self.bereft:
            return
        upload = self.record(upload_id)
        if upload is None or upload.phase is not Phase.DONE:
            raise Violation(f"told complete, but the record says {upload and upload.phase}")
        self.check_object(upload)
        self.finished[upload_id] = self._expected(upload)
        if upload.kind is not Kind.PARTIAL:
            self.complete.add(upload_id)

    def commit(self, events: Sequence[Event], recorded: Upload | None) -> None:
        """Have the simulated bus (`Exchange`) tell each node that listens for commits that there was one. `recorded` is
        the upload as the commit left it, None after a deletion; unless it is None, also record the commit's events as
        due at the receiver, and the upload's offset."""
        if recorded is not None:
            self.receiver.expect(events, recorded)
            self.durable[recorded.id] = recorded.offset
        self.exchange.commit()

    def record(self, upload_id: UploadId) -> Upload | None:
        return self.uploads().get(upload_id)

    async def settle(self) -> None:
        """Let every delay and job run out without new faults, sweep so often that nothing should be left to do, deliver
        all events, and have every finished upload downloaded, except those in `bereft`. The hourly round, which lists
        the whole bucket, runs only if records were lost: leftovers of other troubles must be found by the records of
        their uploads. Raises Violation, Untrue, Untold, and errors of sweeps and downloads."""
        self.network.plan = {}
        await asyncio.sleep(2 * LONG)
        await await_jobs(self, _LONGEST_JOB)
        for node in self._nodes:
            node.machine.hear(node.crew.stop)
        self._check_requests()
        await self.sweep()
        for _ in range(1 + bool(self.robbed)):  # one that falls back is given as long again
            await asyncio.sleep(self.setup.expire_after + 100)
            await self.sweep()
        for _ in range(2):
            await self.sweep()
            await asyncio.sleep(60)
        for _ in range(2 * self.setup.remembers_ended):  # what a sweep has finished ends only then
            await asyncio.sleep(_REMEMBERED)
            await self.sweep()
        if self.forgotten:  # what was begun without a record is found by the hourly round alone
            await asyncio.sleep(_REMEMBERED)
            await self.tidy()
        if self.calm and self.troubles.messages:
            raise Violation(f"trouble without a reason: {self.troubles.messages}")
        await tell_all(self)
        await self.begin(self.node(1), self._download_all)

    async def sweep(self) -> None:
        """Run the sweep of each node, one after the other."""
        for node in range(len(self._nodes)):
            await self._do(sweep, node)

    async def tidy(self) -> None:
        """Run the hourly round, garbage collection, on the second node."""
        await self._do(chores.tidied, 1)

    async def repair(self) -> None:
        """Run an operator's repair on the second node."""
        await self._do(chores.repaired, 1)

    async def _do(self, chore: Callable[[Engine], Awaitable[Any]], number: int) -> None:
        node = self.node(number)
        doing = self.begin(node, chore)
        await asyncio.wait({doing, node.machine.crashed}, return_when=asyncio.FIRST_COMPLETED)
        with suppress(*() if self.calm else (Unavailable,)):
            if doing.done():
                doing.result()

    async def _download_all(self, engine: Engine) -> None:
        for upload in self.uploads().values():
            if upload.id in self.bereft:
                continue
            read = [chunk async for chunk in engine.storage.read(upload, Span(0, upload.offset))] if upload.done else []
            if upload.done and b"".join(read) != self._expected(upload):
                raise Violation("complete, but it can't be downloaded")

    def _check_requests(self) -> None:
        for _, task in self._requests:
            error = task.exception() if task.done() and not task.cancelled() else None
            if error is not None and not isinstance(error, CALM if self.calm else FORESEEN):
                raise Violation("an unforeseen error") from error

    def check_object(self, upload: Upload) -> None:
        """Check that a finished upload's object is there, with every byte and the upload's id. Raises Violation."""
        stored = self.bucket.objects.get(upload.cursor["key"])
        if stored is None:
            raise Violation("complete, but there is no object")
        if stored.content != self._expected(upload):
            raise Violation(f"complete, but the bytes are {stored.content!r}")
        if stored.metadata["tus-id"] != upload.id:
            raise Violation("complete, but the object is not ours")

    def _expected(self, upload: Upload) -> bytes:
        """Return the content that the upload must have. For one without a name in its metadata (an export, or an upload
        whose record was rebuilt without its metadata), that is what its object holds now."""
        name = upload.metadata.get("name")
        return self.bucket.objects[upload.cursor["key"]].content if name is None else self.contents[name]

    def uploads(self) -> Mapping[UploadId, Upload]:
        return {upload.id: upload for upload in at_once(self.records.list(None, 1000))}

    @property
    def nodes(self) -> Sequence[Node]:
        """The nodes that were started last; some may have crashed since."""
        return self._nodes

    def _start(self, name: str) -> Node:
        self._started += 1
        node = start(self, f"{name}{self._started}")
        self.begin(node, lambda _: node.teller.run())
        if node.crew.enabled:
            self.begin(node, lambda _: node.crew.run())
        return node

    def new_id(self) -> UploadId:
        self._ids += 1
        return UploadId(f"{self._ids:032x}")
