"""Listeners, and limits on their number."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tusd_py.domain.refusals import ListenersFull, TooManyListeners


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """The most listeners at a time."""

    process: int
    upload: int
    client: int


class Count:
    """The listeners of a process, counted."""

    def __init__(self, caps: Caps) -> None:
        self._caps = caps
        self._total = 0
        self._clients: Counter[str] = Counter()

    @contextmanager
    def one(self, client: str, upload_listeners: int = 0) -> Iterator[None]:
        """Count one more of `client`, on an upload that has so many. Raises TooManyListeners, ListenersFull."""
        if self._total >= self._caps.process:
            raise ListenersFull
        if self._clients[client] >= self._caps.client:
            raise TooManyListeners("there are as many listeners from your address as may be; try again soon")
        if upload_listeners >= self._caps.upload:
            raise TooManyListeners("the upload has as many listeners as it may; try again soon")
        self._total += 1
        self._clients[client] += 1
        try:
            yield
        finally:
            self._total -= 1
            self._clients[client] -= 1
            if not self._clients[client]:
                del self._clients[client]


class Listener:
    """A listener that is woken after changes, however many there were."""

    __slots__ = ("_connected", "_woken")

    def __init__(self, connected: Callable[[], bool]) -> None:
        """`connected` returns False once its client is gone."""
        self._connected = connected
        self._woken = asyncio.Event()

    @property
    def connected(self) -> bool:
        return self._connected()

    def wake(self) -> None:
        self._woken.set()

    async def wait(self, seconds: float = math.inf) -> bool:
        """Return True once it is woken, False after `seconds`."""
        try:
            async with asyncio.timeout(None if math.isinf(seconds) else seconds):
                await self._woken.wait()
        except TimeoutError:
            return False
        self._woken.clear()
        return True
