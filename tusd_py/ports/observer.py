"""The port to the receivers of events and troubles."""

from __future__ import annotations

from collections.abc import Sequence

from tusd_py.domain.events import Event
from tusd_py.domain.job import Job
from tusd_py.domain.upload import Upload


class Observer:
    """A receiver of recorded events and of troubles. Methods return at once and never raise; in this base class they do
    nothing."""

    def notify(self, event: Event) -> None:
        """Handle a recorded change of an upload."""

    def saved(self, upload: Upload) -> None:
        """Handle an upload as recorded, after each save; before its event, if that save has one."""

    def ended(self, job: Job) -> None:
        """Handle a job as recorded with its end."""

    def trouble(self, message: str, **fields: object) -> None:
        """Handle a problem that an operator should know, as a short message and its values."""


class Observers(Observer):
    """Several observers as one, notified in order."""

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._observers = observers

    def notify(self, event: Event) -> None:
        for observer in self._observers:
            observer.notify(event)

    def saved(self, upload: Upload) -> None:
        for observer in self._observers:
            observer.saved(upload)

    def ended(self, job: Job) -> None:
        for observer in self._observers:
            observer.ended(job)

    def trouble(self, message: str, **fields: object) -> None:
        for observer in self._observers:
            observer.trouble(message, **fields)
