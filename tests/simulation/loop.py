"""An event loop whose clock is simulated, and machines that can stand still or vanish between any two of its steps.

When no task can go on, the clock jumps to the next timer. The same program takes the same steps each time.
"""

from __future__ import annotations

import asyncio
import heapq
from asyncio.base_events import BaseEventLoop
from collections.abc import Callable
from contextvars import Context, ContextVar, copy_context
from typing import Any, Self

MACHINE: ContextVar[Machine | None] = ContextVar("machine", default=None)
"""The machine that the running code belongs to; None for code outside of all machines."""


class Machine:
    """A simulated process. While it is paused, its steps wait; after a crash they are never taken, except for clean-up
    when the loop ends."""

    def __init__(self, loop: SimulatedLoop, name: str) -> None:
        self.name = name
        self.crashed: asyncio.Future[float] = loop.create_future()
        """The time of the crash, in seconds of the loop's clock; pending until then."""
        self.noticed = False
        """True if the other nodes know of the crash, and don't wait for leases to run out."""
        self._loop = loop
        self._paused = False
        self._frozen: list[asyncio.Handle] = []
        self._woken_at = float("-inf")
        self.context = copy_context()
        self.context.run(MACHINE.set, self)
        loop.machines.append(self)

    @property
    def up(self) -> bool:
        return not self.crashed.done() and not self._paused

    def pause(self, seconds: float) -> None:
        """Suspend the process for `seconds`: its timers run out meanwhile, and fire when it wakes."""
        self._paused = True
        self._loop.call_later(seconds, self._wake, context=Context())

    def just_woke(self, seconds: float) -> bool:
        """Return True if the machine woke from a pause less than `seconds` ago."""
        return self._loop.time() < self._woken_at + seconds

    def crash(self, *, noticed: bool) -> None:
        """End the process at once: none of its steps is taken any more. With `noticed`, the other nodes know it at
        once."""
        if not self.crashed.done():
            self.noticed = noticed
            self.crashed.set_result(self._loop.time())

    def hear(self, word: Callable[[], object]) -> None:
        """Schedule a call of `word` as a step of this machine, as when a message from outside arrives: a paused machine
        takes the step when it wakes, a crashed one never."""
        self._loop.call_soon(word, context=self.context)

    def admits(self, handle: asyncio.Handle) -> bool:
        """Return True if this step may be taken now; otherwise keep it until `release`."""
        if self.up or self._loop.ending:
            return True
        self._frozen.append(handle)
        return False

    def _wake(self) -> None:
        self._paused, self._woken_at = False, self._loop.time()
        self.release()

    def release(self) -> None:
        """Schedule the steps that `admits` has kept."""
        handles, self._frozen = self._frozen, []
        for handle in handles:
            self._loop.put(handle)


class _Gated(asyncio.Handle):
    __slots__ = ()

    def _run(self) -> None:
        if _admitted(self):
            super()._run()


class _GatedTimer(asyncio.TimerHandle):
    __slots__ = ()

    def _run(self) -> None:
        if _admitted(self):
            super()._run()


def _admitted(handle: Any) -> bool:
    machine = handle._context.get(MACHINE)
    return machine is None or machine.admits(handle)


class Deadlock(AssertionError):
    """All tasks wait, and no timer will wake one."""


class Livelock(AssertionError):
    """The loop has gone through more than `_MOST_ROUNDS` rounds in a row without a wait: some task is always ready."""


_MOST_ROUNDS = 10_000
"""The most rounds of the loop in a row without a wait."""
_ROUND = 1e-9
"""The seconds by which a round of the loop without a wait moves the clock, so that a wait shorter than a clock can tell
ends nevertheless."""


class SimulatedLoop(BaseEventLoop):
    """An asyncio event loop that takes a step only if its machine admits it, and whose selector only moves the
    clock."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        self._rounds = 0
        self._clock_resolution = 1e-9  # finer than that of the time since the epoch, which waits are made of
        self._selector = self
        self.machines: list[Machine] = []
        self.ending = False
        """True while the remaining tasks are only being cancelled: then paused and crashed machines take their steps,
        too."""

    def time(self) -> float:
        return self._now

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise Deadlock
        self._rounds = 0 if timeout else self._rounds + 1
        if self._rounds > _MOST_ROUNDS:
            raise Livelock
        self._now += timeout or _ROUND
        return []

    def put(self, handle: asyncio.Handle) -> None:
        self._ready.append(handle)  # type: ignore[attr-defined]  # not in typeshed

    def call_soon(  # type: ignore[override]  # without its type variables
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        handle = _Gated(callback, args, self, context)
        self.put(handle)
        return handle

    def call_at(  # type: ignore[override]  # without its type variables
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        timer = _GatedTimer(when, callback, args, self, context)
        heapq.heappush(self._scheduled, timer)  # type: ignore[attr-defined]  # not in typeshed
        timer._scheduled = True  # type: ignore[attr-defined]  # not in typeshed
        return timer

    def _process_events(self, events: list[Any]) -> None:
        """Do nothing: no socket or file brings events."""

    def _write_to_self(self) -> None:
        """Do nothing: the loop never waits in a selector, so it needn't be woken."""

    def __enter__(self) -> Self:
        asyncio.set_event_loop(self)
        return self

    def __exit__(self, *_: object) -> None:
        """Cancel all remaining tasks, also those of paused and crashed machines, and close the loop. The caller has to
        make sure that these tasks change nothing outside any more."""
        self.ending = True
        for machine in self.machines:
            machine.release()
        try:
            self._end_tasks()
        finally:
            asyncio.set_event_loop(None)
            self.close()

    def _end_tasks(self) -> None:
        while tasks := asyncio.all_tasks(self):
            for task in tasks:
                task.cancel()
            self.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self.run_until_complete(self.shutdown_asyncgens())
