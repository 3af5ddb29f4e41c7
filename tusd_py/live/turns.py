"""The turns of many listeners: some in each pass of the event loop, so that it serves uploads between them."""

from __future__ import annotations

import asyncio
import math
from abc import ABC, abstractmethod
from collections import deque

_AT_ONCE = 50
"""The most turns in one pass of the event loop: they take some milliseconds."""
_TICKS = 10
"""Ticks a second. A turn that `give_in` gives comes at the first tick after its time: the turns of a tick share a
timer."""
_QUEUED = 0
"""The value of `TurnTaker.tick`, the time of a listener's next turn, if the turn comes in one of the next passes of the
event loop: less than any time."""


class TurnTaker(ABC):
    """A listener without an asyncio task: once it has work to do, `Turns` calls its `take_turn` in a pass of the event
    loop."""

    __slots__ = ("tick",)

    def __init__(self) -> None:
        self.tick = math.inf
        """The time of the listener's next turn, in tenths of a second of the event loop's clock, set by `Turns`: 0 if
        it comes at once, infinite if none is to come."""

    @abstractmethod
    def take_turn(self) -> None:
        """Do the work that is due, and ask `Turns` for the next turn, unless the listener needs none."""


class Turns:
    """The turns of a process's listeners. Each listener has one coming turn at most: the earliest that it asked for."""

    def __init__(self) -> None:
        self._queue = deque[TurnTaker]()
        self._later = dict[float, set[TurnTaker]]()
        self._idle = asyncio.Event()
        """Set while no turn of `give` is to come or being taken. Not set while a pass over such turns is scheduled or
        running: `give` then schedules no second one."""
        self._idle.set()

    def give(self, taker: TurnTaker) -> None:
        """Give the listener a turn in one of the next passes of the event loop, in place of the later turn that
        `give_in` gave it, if any. Does nothing if a turn of an earlier `give` is still to come.
        """
        if taker.tick != _QUEUED:
            self.withdraw(taker)
            taker.tick = _QUEUED
            self._queue.append(taker)
            if self._idle.is_set():
                self._go_on()

    def give_in(self, seconds: float, taker: TurnTaker) -> None:
        """Give the listener a turn (a call of `take_turn`) at the first tick, of ten a second, after `seconds` from
        now, in place of a later turn. Do nothing if the listener has a turn at that tick or an earlier one."""
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
        """Cancel the turn that `give_in` gave the listener, if it is still to come, but not one that `give` gave.
        `TurnTaker.tick`, the time of the next turn, stays as it is: the caller must set it."""
        self._later.get(taker.tick, set()).discard(taker)

    async def drain(self) -> None:
        """Return once all turns that are due at once (`give`) were taken; later turns (`give_in`) aren't
        awaited.
        """
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
