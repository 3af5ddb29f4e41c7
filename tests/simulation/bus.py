"""The buses by which each node's hub (`live.hub.Hub`), which tells listeners, hears of changes on other nodes:
messages, as with Redis, or commits that each node sees, as with SQLite."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from contextvars import Context

from tests.simulation.loop import Machine, SimulatedLoop
from tests.simulation.network import Network, Service
from tusd_py.domain.upload_id import UploadId
from tusd_py.tasks import end

Notify = Callable[[UploadId | None], None]

COMMIT_PAUSE = 0.2
"""The most seconds from a commit until a node that isn't paused notices it."""
_AGAIN = 0.2
_PATIENCE = 2.0


class BusLost(Exception):
    """An announcement or a subscription got no answer, or was refused."""


BUS = Service(name="bus", patience=2.0, broken=BusLost, refused=BusLost, rumour=BusLost)


class Exchange:
    """The exchange between nodes: it passes each announcement on to the other nodes that have subscribed, and tells all
    nodes that listen for commits that there were some."""

    def __init__(self, loop: SimulatedLoop) -> None:
        self._loop = loop
        self.messages = dict[Machine, Notify]()
        self.commits = dict[Machine, Notify]()
        self._awaited = set[Machine]()
        """Machines that have yet to see the last commits."""

    def join(self, machine: Machine, notify: Notify) -> None:
        self.messages[machine] = notify

    def announce(self, sender: Machine, upload_id: UploadId) -> None:
        for machine, notify in self.messages.items():
            if machine is not sender:
                machine.hear(lambda notify=notify: notify(upload_id))  # type: ignore[misc]

    def commit(self) -> None:
        for machine in self.commits.keys() - self._awaited:
            self._awaited.add(machine)
            self._loop.call_later(COMMIT_PAUSE, self._show, machine, context=Context())

    def _show(self, machine: Machine) -> None:
        self._awaited.discard(machine)
        if notify := self.commits.get(machine):
            machine.hear(lambda: notify(None))


class MessageBus:
    """A bus that announces each save in a message, which may get lost."""

    def __init__(self, network: Network, exchange: Exchange, machine: Machine) -> None:
        self._network, self._exchange, self._machine = network, exchange, machine
        self._tasks = set[asyncio.Task[None]]()

    def publish(self, upload_id: UploadId) -> None:
        task = asyncio.create_task(self._send(upload_id))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @asynccontextmanager
    async def listening(self, notify: Notify) -> AsyncIterator[None]:
        subscribed = asyncio.Event()
        task = asyncio.create_task(self._subscribe(notify, subscribed))
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(_PATIENCE):
                    await subscribed.wait()
            yield
        finally:
            self._exchange.messages.pop(self._machine, None)
            await end(task)

    async def _send(self, upload_id: UploadId) -> None:
        with suppress(BusLost):
            await self._network.ask(BUS, "publish", lambda: self._exchange.announce(self._machine, upload_id))

    async def _subscribe(self, notify: Notify, subscribed: asyncio.Event) -> None:
        while not subscribed.is_set():
            with suppress(BusLost):
                await self._network.ask(BUS, "subscribe", lambda: self._exchange.join(self._machine, notify))
                subscribed.set()
                notify(None)
                return
            await asyncio.sleep(_AGAIN)


class CommitBus:
    """A bus that tells nodes of commits, none of which gets lost, but not of the upload that changed."""

    def __init__(self, exchange: Exchange, machine: Machine) -> None:
        self._exchange, self._machine = exchange, machine

    def publish(self, upload_id: UploadId) -> None:
        """Do nothing: each commit tells the nodes that listen (`Exchange.commit`)."""

    @asynccontextmanager
    async def listening(self, notify: Notify) -> AsyncIterator[None]:
        self._exchange.commits[self._machine] = notify
        try:
            yield
        finally:
            del self._exchange.commits[self._machine]
