"""The port to those that are told what happens to uploads."""

from __future__ import annotations

from collections.abc import Sequence

from tusd_py.domain.events import Event


class Observer:
    """Told of what has happened, after it counts. Methods return at once and never raise; here they do nothing."""

    def notify(self, event: Event) -> None:
        """An upload has changed, and its record says so."""

    def trouble(self, what: str, **fields: object) -> None:
        """Something an operator should know, in a few words, with the values that say where."""


class Observers(Observer):
    """Tells several observers, in order."""

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._observers = observers

    def notify(self, event: Event) -> None:
        for observer in self._observers:
            observer.notify(event)

    def trouble(self, what: str, **fields: object) -> None:
        for observer in self._observers:
            observer.trouble(what, **fields)
