"""Listeners, and limits on their number."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from tusd_py.domain.live_refusals import ListenersFull, TooManyListeners


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """The most listeners at a time in one process: in total, to one upload, and of one client."""

    process: int
    upload: int
    client: int


class Count:
    """The count of the listeners of a process, in total and by client, against the caps."""

    def __init__(self, caps: Caps) -> None:
        self._caps = caps
        self._total = 0
        self._clients: Counter[str] = Counter()

    @contextmanager
    def one(self, client: str, upload_listeners: int = 0) -> Iterator[None]:
        """Count one more listener of `client` within the context. `upload_listeners` is the number of listeners that
        the upload has already. Raises TooManyListeners, ListenersFull."""
        self.add(client, upload_listeners)
        try:
            yield
        finally:
            self.remove(client)

    def add(self, client: str, upload_listeners: int) -> None:
        """Count one more listener of `client` until `remove`. `upload_listeners` is the number of listeners that the
        upload has already. Raises TooManyListeners, ListenersFull."""
        if self._total >= self._caps.process:
            raise ListenersFull
        if self._clients[client] >= self._caps.client:
            raise TooManyListeners("there are as many listeners from your address as may be; try again soon")
        if upload_listeners >= self._caps.upload:
            raise TooManyListeners("the upload has as many listeners as it may; try again soon")
        self._total += 1
        self._clients[client] += 1

    def remove(self, client: str) -> None:
        self._total -= 1
        self._clients[client] -= 1
        if not self._clients[client]:
            del self._clients[client]


class Listener:
    """A listener that is woken after changes: `wait` returns once for all changes since it last returned. After
    `redirect`, each waking calls the function given there instead."""

    __slots__ = ("_connected", "_redirection", "_waiter", "_woken")

    def __init__(self, connected: Callable[[], bool]) -> None:
        """`connected` returns False once the listener's client is gone."""
        self._connected = connected
        self._redirection: Callable[[], None] | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._woken = False

    @property
    def connected(self) -> bool:
        return self._connected()

    @property
    def redirected(self) -> bool:
        return self._redirection is not None

    def redirect(self, wake: Callable[[], None]) -> None:
        """Have each waking call `wake` instead of resuming `wait`, from now on until `Hub.forget`. After this call
        `connected` is always True: the caller must watch the connection.
        """
        self._redirection, self._connected = wake, _always

    def wake(self) -> None:
        self._woken = True
        if self._redirection is not None:
            self._redirection()
        elif self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def wait(self, seconds: float = math.inf) -> bool:
        """Wait until the listener is woken, at most for `seconds`. Returns True if it was woken, even before the call;
        False if not."""
        if not self._woken:
            self._waiter = asyncio.get_running_loop().create_future()
            with suppress(TimeoutError):
                async with asyncio.timeout(None if math.isinf(seconds) else seconds):
                    await self._waiter
            self._waiter = None
        woken, self._woken = self._woken, False
        return woken


def _always() -> bool:
    return True
