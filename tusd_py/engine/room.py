"""If there is room for new uploads and new bytes, as of the last look: asked before the first byte, never waited for.

What frees room (termination, expiry) and what is there already (finishing, HEAD, downloads) never asks.
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
"""Reserves that are left when an operator is told."""
_MARGIN = 1.25
"""How far above a limit the room must be for it to be over: uploads come and go at the limit itself."""

Looks = Mapping[str, Callable[[], Awaitable[Space | None]]]
"""The stores by name, and how each is asked for its space."""


class Room:
    """Remembers which stores are full, and tells when that changes."""

    def __init__(self) -> None:
        self.full = set[str]()
        self.almost_full = set[str]()

    def check(self) -> None:
        """Raises StoreFull."""
        if self.full:
            raise StoreFull

    async def look(self, stores: Looks, observer: Observer, meter: Meter) -> None:
        """Ask the stores anew. What can't be asked stays as it was: it has other troubles."""
        for name, look in stores.items():
            with suppress(Unavailable):
                space = await look()
                self._judge(name, space, observer)
                meter.space_seen(name, inf if space is None else space.free, full=name in self.full)

    def _judge(self, name: str, space: Space | None, observer: Observer) -> None:
        for marked, reserves, begins, ends in (
            (self.almost_full, _EARLY, "store almost full", "store has room again"),
            (self.full, 1, "store full", "store takes uploads again"),
        ):
            known = name in marked
            limit = space.reserve * reserves * (_MARGIN if known else 1) if space else 0
            free = space.free if space else 0
            if known == (free < limit):
                continue
            (marked.discard if known else marked.add)(name)
            observer.trouble(ends if known else begins, store=name, free=free, reserve=space.reserve if space else 0)
