"""The request that is being served, for lines that are written far below it.

What a request says of itself is only asked for when a line is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from structlog.typing import EventDict

About = Callable[[], Mapping[str, str]]


class _Served:
    """Asks once, and lets go of its request at the end: tasks and timers that the request began keep its context for
    longer."""

    __slots__ = ("_about", "_told")

    def __init__(self, about: About) -> None:
        self._about: About | None = about
        self._told: Mapping[str, str] = {}

    def told(self) -> Mapping[str, str]:
        """Nothing once it has ended."""
        if self._about is not None and not self._told:
            self._told = self._about()
        return self._told

    def end(self) -> None:
        self._about, self._told = None, {}


_served: ContextVar[_Served | None] = ContextVar("served", default=None)


@contextmanager
def serving(about: About) -> Iterator[None]:
    """Until its end, lines hold the fields that `about` tells."""
    served = _Served(about)
    token = _served.set(served)
    try:
        yield
    finally:
        served.end()
        _served.reset(token)


def with_request(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """A structlog processor: the event with what is known of its request, if one is being served."""
    served = _served.get()
    return event if served is None else {**served.told(), **event}
