"""The C library's heap, whose free memory is returned to the system after a peak. Without glibc, only reference cycles
are collected."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable
from typing import Any

_M_ARENA_MAX = -8
_ARENAS = 1
"""The number of heaps. By default glibc makes one for each thread, up to 8 for each core, and each keeps the memory of
its peak."""
_TRIM_INTERVAL = 5.0
"""The least seconds between two trims: each costs some ten milliseconds."""
_FALL = 2
"""The factor by which usage must have fallen from its peak since the last trim."""


def use_one_heap() -> None:
    """Limit the C library to one heap, if it is glibc; else do nothing. To be called before the process starts
    threads."""
    if (libc := _glibc()) is not None:
        libc.mallopt(_M_ARENA_MAX, _ARENAS)


class Heap:
    """A monitor of usage, such as connections or bytes, that trims the heap, that is, returns its free memory to the
    system, when usage has fallen.

    `gauges` maps each gauge, which returns the usage now, to the smallest fall from its peak that counts, if usage has
    also halved. `give_back` trims the heap: by default, reference cycles are collected, and glibc's heap is trimmed.
    """

    def __init__(self, gauges: dict[Callable[[], int], int], give_back: Callable[[], None] | None = None) -> None:
        self._gauges = gauges
        self._peaks = dict.fromkeys(gauges, 0)
        self._give_back = give_back or _trim
        self._trimmed_at = 0.0
        self._again = False
        """True if usage had fallen at the last trim: another trim follows, as usage may have fallen further since."""

    def look(self, now: float) -> None:
        """Read the gauges of usage, and trim the heap if one of them has fallen enough since the last trim, and once
        more after that, but at most once in 5 seconds (`_TRIM_INTERVAL`). To be called periodically; `now` in seconds
        of a monotonic clock."""
        values = {gauge: gauge() for gauge in self._gauges}
        self._peaks = {gauge: max(self._peaks[gauge], value) for gauge, value in values.items()}
        fallen = any(self._has_fallen(gauge, value) for gauge, value in values.items())
        if (fallen or self._again) and now - self._trimmed_at > _TRIM_INTERVAL:
            self._trimmed_at, self._again, self._peaks = now, fallen, values
            self._give_back()

    def _has_fallen(self, gauge: Callable[[], int], value: int) -> bool:
        peak = self._peaks[gauge]
        return peak - value >= self._gauges[gauge] and value * _FALL <= peak


def _trim() -> None:
    """Collect reference cycles, which may hold the memory of a connection, then trim the heap, if it is glibc's."""
    gc.collect()
    if (libc := _glibc()) is not None:
        libc.malloc_trim(0)


def _glibc() -> Any:
    try:
        libc = ctypes.CDLL(None)
    except (OSError, TypeError):  # other systems
        return None
    return libc if hasattr(libc, "malloc_trim") and hasattr(libc, "mallopt") else None
