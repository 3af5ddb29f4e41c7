"""The parts of a node that work outside of requests: its hub, which tells listeners, and its runner of jobs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import fields, replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from tests.simulation.bus import CommitBus, MessageBus
from tests.simulation.jobs import WatchedKind
from tests.simulation.loop import Machine
from tests.simulation.scanner import SimulatedScanner
from tusd_py.domain.rights import Watcher
from tusd_py.engine.engine import Engine
from tusd_py.http.context import Context
from tusd_py.http.forwarded import Trust
from tusd_py.jobs.attempt import Terms
from tusd_py.jobs.hold import Tenure
from tusd_py.jobs.kinds.checksum import Checksum
from tusd_py.jobs.kinds.export import Export
from tusd_py.jobs.kinds.scan import ScanContent
from tusd_py.jobs.on_finish import NAME, JobOnFinish, JobSink
from tusd_py.jobs.runner import Runner
from tusd_py.jobs.service import JobService
from tusd_py.jobs.work import Kind, Kinds
from tusd_py.live.hub import Hub
from tusd_py.live.listeners import Caps, Count
from tusd_py.live.live import Live
from tusd_py.live.reader import SnapshotReader
from tusd_py.ports.bus import Bus
from tusd_py.ports.observer import Observers
from tusd_py.ports.outbox import StoredEvent
from tusd_py.ports.sink import Sink

if TYPE_CHECKING:
    from tests.simulation.world import World

ENDPOINT = "http://server/files/"
HEARTBEAT = 5.0
HOLD = 6.0
"""The seconds for which a job is held without a renewal: fewer than a scan takes, and than long delays, pauses and
outages last."""
_MANY = Caps(process=100, upload=100, client=100)
_LONGEST = 3600.0
_RETENTION = 10 * 86_400.0


class Crew:
    """A node's hub, which tells listeners, and its runner of jobs; `run` runs the hub, the runner or both, as the
    scenario's `Setup` says, until `stop`."""

    def __init__(self, world: World, engine: Engine, machine: Machine) -> None:
        self._setup, self._stopping = world.setup, asyncio.Event()
        self._hub = _hub(world, engine, machine)
        self._live = Live(hub=self._hub, heartbeat=HEARTBEAT, format_event=_format)
        self.engine = replace(engine, observer=Observers((engine.observer, self._hub)))
        runner = Runner(
            engine=self.engine,
            tenure=Tenure(store=engine.state.jobs, clock=world.now, ttl=HOLD),
            kinds=dict(_kinds(world)),
            terms=Terms(seconds=_LONGEST, attempts=self._setup.attempts),
            concurrency=2,
            retention=_RETENTION,
        )
        self.service = JobService(engine=self.engine, runner=runner)

    @property
    def sinks(self) -> Mapping[str, Sink]:
        """The sink that begins and cancels jobs by the events that it receives, by its name; empty if the scenario's
        `Setup` has no jobs."""
        return {NAME: JobSink(self.service, orders(self._setup.on_finish), ENDPOINT)} if self._setup.jobs else {}

    @property
    def context(self) -> Context:
        """A context for the HTTP handlers of listeners: the fields that these don't use are None."""
        absent: dict[str, Any] = dict.fromkeys(field.name for field in fields(Context))
        needed: dict[str, Any] = {
            "live": self._live,
            "engine": self.engine,
            "public_endpoint": ENDPOINT,
            "trust": Trust(),
            "local_access": SimpleNamespace(check=lambda _: None),
            "network_timeout": 60.0,
        }
        return Context(**absent | needed)

    @property
    def enabled(self) -> bool:
        return self._setup.jobs or self._setup.bus is not None

    def stop(self) -> None:
        """Stop, as on SIGTERM: let `run` close the hub and end the runner."""
        self._stopping.set()

    async def run(self) -> None:
        async with AsyncExitStack() as stack:
            if self._setup.bus is not None:
                await stack.enter_async_context(self._hub.running())
            if self._setup.jobs:
                await stack.enter_async_context(self.service.runner.running())
            await self._stopping.wait()
            self._hub.close()
            await self._live.turns.drain()


def orders(kinds: Sequence[str]) -> list[JobOnFinish]:
    """Return the jobs that finished uploads get, except partial ones and exports: one of each of these kinds, with the
    arguments that it has by default."""
    return [JobOnFinish(kind=kind, args=Checksum().check({}) if kind == "checksum" else {}) for kind in kinds]


def _kinds(world: World) -> Iterator[tuple[str, Kind]]:
    kinds: Kinds = {
        "checksum": Checksum(),
        "scan": ScanContent(SimulatedScanner(world.network, world.infected)),
        "export": Export(),
    }
    for name, kind in kinds.items():
        yield name, WatchedKind(kind, world.ledger)


def _hub(world: World, engine: Engine, machine: Machine) -> Hub:
    setup = world.setup
    sink = NAME if setup.on_finish else None
    reader = SnapshotReader(state=engine.state, has_jobs=setup.jobs, jobs_sink=sink)
    bus: Bus = MessageBus(world.network, world.exchange, machine)
    if setup.bus != "messages":
        bus = CommitBus(world.exchange, machine)
    return Hub(reader.read, bus, Count(_MANY))


def _format(event: StoredEvent, watcher: Watcher) -> bytes:
    del watcher
    return json.dumps({"id": event.id}).encode()
