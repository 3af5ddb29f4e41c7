"""Memory of the C library's heap, given back to the system after a crowd. Quietly nothing where there is no glibc."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable
from typing import Any

_M_ARENA_MAX = -8
_ARENAS = 1
"""Heaps. By default each thread gets one, and each keeps what it was once filled with."""
_REST = 5.0
"""Seconds from one time to the next: it costs some ten milliseconds."""
_FALLEN = 2
"""So many times less must be in use than at the most since the last time."""


def use_one_heap() -> None:
    """For a process of our own, before it starts threads."""
    if (libc := _glibc()) is not None:
        libc.mallopt(_M_ARENA_MAX, _ARENAS)


class Heap:
    """Looks at what is in use, such as connections or bytes, each counted from `least` on; trims when it has fallen."""

    def __init__(self, gauges: dict[Callable[[], int], int], give_back: Callable[[], None] | None = None) -> None:
        self._gauges = gauges
        self._most = dict.fromkeys(gauges, 0)
        self._give_back = give_back or _trim
        self._since = 0.0
        self._again = False
        """The last time, not all of the crowd had gone."""

    def look(self, now: float) -> None:
        """To be called every now and then."""
        read = {gauge: gauge() for gauge in self._gauges}
        self._most = {gauge: max(self._most[gauge], value) for gauge, value in read.items()}
        fallen = any(self._has_fallen(gauge, value) for gauge, value in read.items())
        if (fallen or self._again) and now - self._since > _REST:
            self._since, self._again, self._most = now, fallen, read
            self._give_back()

    def _has_fallen(self, gauge: Callable[[], int], value: int) -> bool:
        most = self._most[gauge]
        return most - value >= self._gauges[gauge] and value * _FALLEN <= most


def _trim() -> None:
    """Cycles first: what a connection held may hang in one."""
    gc.collect()
    if (libc := _glibc()) is not None:
        libc.malloc_trim(0)


def _glibc() -> Any:
    try:
        libc = ctypes.CDLL(None)
    except (OSError, TypeError):  # other systems
        return None
    return libc if hasattr(libc, "malloc_trim") and hasattr(libc, "mallopt") else None
