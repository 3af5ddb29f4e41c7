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
    """Lets go of its request at the end: tasks and timers that the request began keep its context for longer."""

    __slots__ = ("about",)

    def __init__(self, about: About) -> None:
        self.about: About | None = about


_served: ContextVar[_Served | None] = ContextVar("served", default=None)


@contextmanager
def serving(about: About) -> Iterator[None]:
    """Until its end, lines hold the fields that `about` tells."""
    served = _Served(about)
    token = _served.set(served)
    try:
        yield
    finally:
        served.about = None
        _served.reset(token)


def with_request(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """A structlog processor: the event with what is known of its request, if one is being served."""
    served = _served.get()
    about = None if served is None else served.about
    return event if about is None else {**about(), **event}
