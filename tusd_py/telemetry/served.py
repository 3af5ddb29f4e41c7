"""The fields of the current request, for log lines that are written while it is served.

The fields are computed only when a line is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from structlog.typing import EventDict

GetFields = Callable[[], Mapping[str, str]]


class _Served:
    """The fields of a request, computed for its first log line and for the first one after each `renew`. The
    request is dropped once it has ended, since tasks and timers that it started keep its context for longer.
    """

    __slots__ = ("_fields", "_get_fields")

    def __init__(self, get_fields: GetFields) -> None:
        self._get_fields: GetFields | None = get_fields
        self._fields: Mapping[str, str] = {}

    def fields(self) -> Mapping[str, str]:
        """Return the fields for log lines about the request, by name; none after the request's end."""
        if self._get_fields is not None and not self._fields:
            self._fields = self._get_fields()
        return self._fields

    def renew(self) -> None:
        """Have the fields computed again for the next line, since more is known of the request now."""
        self._fields = {}

    def end(self) -> None:
        self._get_fields, self._fields = None, {}


_served: ContextVar[_Served | None] = ContextVar("served", default=None)


@contextmanager
def serving(get_fields: GetFields) -> Iterator[None]:
    """Add the fields that `get_fields` returns to each log line written within the context."""
    served = _Served(get_fields)
    token = _served.set(served)
    try:
        yield
    finally:
        served.end()
        _served.reset(token)


def renew() -> None:
    """Have the fields of the current request, if there is one, computed again for its next log line."""
    if (served := _served.get()) is not None:
        served.renew()


def with_request(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Add the fields of the current request, if there is one, to the event (a structlog processor)."""
    served = _served.get()
    return event if served is None else {**served.fields(), **event}
