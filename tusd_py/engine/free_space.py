"""The free space of state and storage, as last measured: checked before the first byte of a request, without waiting.

Termination and expiry, which free space, and finishing, HEAD and downloads of existing uploads don't check it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from math import inf

from tusd_py.domain.errors import Unavailable
from tusd_py.domain.refusals import StoreFull
from tusd_py.domain.space import Space
from tusd_py.ports.meter import Meter
from tusd_py.ports.observer import Observer

_EARLY = 2
"""Factor of a store's reserve: if less space is free, an operator is warned."""
_MARGIN = 1.25
"""Factor of a limit that free space must reach before a store no longer counts as full, or almost full: a hysteresis,
as free space varies around the limit."""

Stores = Mapping[str, Callable[[], Awaitable[Space | None]]]
"""Functions that measure the space of a store, by the store's name. They return None if no limit is known."""


class FreeSpace:
    """The names of the stores that are full or almost full; `measure` reports to an operator when these change."""

    def __init__(self) -> None:
        self.full = set[str]()
        self.almost_full = set[str]()

    def check(self) -> None:
        """Raise StoreFull if a store is full."""
        if self.full:
            raise StoreFull

    async def measure(self, stores: Stores, observer: Observer, meter: Meter) -> None:
        """Measure the space of the stores. A store that is unavailable keeps its last result."""
        for name, measure in stores.items():
            with suppress(Unavailable):
                space = await measure()
                self._judge(name, space, observer)
                meter.space_seen(name, inf if space is None else space.free, full=name in self.full)

    def _judge(self, name: str, space: Space | None, observer: Observer) -> None:
        for names, reserves, begins, ends in (
            (self.almost_full, _EARLY, "store almost full", "store has room again"),
            (self.full, 1, "store full", "store takes uploads again"),
        ):
            was_low = name in names
            limit = space.reserve * reserves * (_MARGIN if was_low else 1) if space else 0
            free = space.free if space else 0
            if was_low == (free < limit):
                continue
            (names.discard if was_low else names.add)(name)
            observer.trouble(ends if was_low else begins, store=name, free=free, reserve=space.reserve if space else 0)
