"""Turns of many listeners: some in each pass of the event loop, so that uploads go on between them."""

from __future__ import annotations

import asyncio
import math
from abc import ABC, abstractmethod
from collections import deque

_AT_ONCE = 50
"""Turns in one pass of the event loop: some milliseconds."""
_TICKS = 10
"""Times a second at which later turns come, rounded up: those of one time share a timer."""
_QUEUED = 0
"""The tick of a turn that comes at once."""


class TurnTaker(ABC):
    """A listener that takes turns."""

    __slots__ = ("tick",)

    def __init__(self) -> None:
        self.tick = math.inf
        """The tick of its next turn, for `Turns`."""

    @abstractmethod
    def take_turn(self) -> None:
        """Do what is due, and ask for the next turn."""


class Turns:
    """The turns of a process's listeners. Each has one turn ahead of it, the earliest of those it asked for."""

    def __init__(self) -> None:
        self._queue = deque[TurnTaker]()
        self._later = dict[float, set[TurnTaker]]()
        self._idle = asyncio.Event()
        self._idle.set()

    def give(self, taker: TurnTaker) -> None:
        """Give a turn at once."""
        if taker.tick != _QUEUED:
            self.withdraw(taker)
            taker.tick = _QUEUED
            if not self._queue:
                self._go_on()
            self._queue.append(taker)

    def give_in(self, seconds: float, taker: TurnTaker) -> None:
        """Give a turn after so many seconds, unless an earlier one comes anyway."""
        loop = asyncio.get_running_loop()
        tick = math.floor((loop.time() + seconds) * _TICKS) + 1
        if tick >= taker.tick:
            return
        self.withdraw(taker)
        taker.tick = tick
        if tick not in self._later:
            self._later[tick] = set()
            loop.call_at(tick / _TICKS, self._ring, tick)
        self._later[tick].add(taker)

    def withdraw(self, taker: TurnTaker) -> None:
        """Give no later turn, unless it asks again."""
        self._later.get(taker.tick, set()).discard(taker)

    async def drain(self) -> None:
        """Return once no turn comes at once."""
        await self._idle.wait()

    def _ring(self, tick: int) -> None:
        for taker in self._later.pop(tick):
            taker.tick = math.inf
            self.give(taker)

    def _pass(self) -> None:
        try:
            for _ in range(min(_AT_ONCE, len(self._queue))):
                taker = self._queue.popleft()
                taker.tick = math.inf
                taker.take_turn()
        finally:
            if self._queue:
                self._go_on()
            else:
                self._idle.set()

    def _go_on(self) -> None:
        self._idle.clear()
        asyncio.get_running_loop().call_soon(self._pass)
